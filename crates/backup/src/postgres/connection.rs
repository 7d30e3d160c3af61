//! How a database is reached.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How a database is reached. There is no password in it: it is in a file of its own, or not needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// A host's name or address, or the folder of a unix socket.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The role.
    pub user: String,
    /// A file with the password, in PostgreSQL's format: `host:port:database:user:password`.
    pub password_file: Option<PathBuf>,
    /// More settings, such as those of TLS, which the ones above overrule.
    pub service: Option<Service>,
}

/// Settings in a file of services (`pg_service.conf`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The file.
    pub file: PathBuf,
    /// The service.
    pub name: String,
}

/// Why a connection makes no sense, or is not safe.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// A value that cannot be.
    #[error("the {what} `{}` cannot be: it is empty or has control characters", .value.escape_debug())]
    Value {
        /// Which value.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// A secret file cannot be read.
    #[error("the file {} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A secret file can be read by others. PostgreSQL ignores it then.
    #[error(
        "the file {} can be read by others (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

impl Connection {
    /// Looks at the values and at who can read the files.
    pub fn check(&self) -> Result<(), ConnectionError> {
        for (what, value) in
            [("host", &self.host), ("database", &self.database), ("role", &self.user)]
        {
            is_fit(what, value)?;
        }
        if let Some(service) = &self.service {
            is_fit("service", &service.name)?;
            is_private(&service.file)?;
        }
        self.password_file.as_deref().map_or(Ok(()), is_private)
    }

    /// Where it is, for people.
    pub fn place(&self) -> String {
        format!("{} on {}:{}", self.database, self.host, self.port)
    }

    /// Tells a program of PostgreSQL.
    pub(crate) fn apply(&self, command: &mut Command) {
        command
            .arg("--no-password")
            .arg(format!("--dbname={}", self.text()))
            .env("PGAPPNAME", "countersign-backup")
            .env("PGCONNECT_TIMEOUT", "10");
        if let Some(file) = &self.password_file {
            command.env("PGPASSFILE", absolute(file));
        }
        if let Some(service) = &self.service {
            command.env("PGSERVICEFILE", absolute(&service.file));
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let mut set = |name: &str, value: &str| {
            let value = value.replace('\\', "\\\\").replace('\'', "\\'");
            text.push_str(name);
            text.push_str("='");
            text.push_str(&value);
            text.push_str("' ");
        };
        if let Some(service) = &self.service {
            set("service", &service.name);
        } else if !self.is_local() {
            // A service file may ask for more, and for less if it says so itself.
            set("sslmode", "require");
        }
        set("host", &self.host);
        set("port", &self.port.to_string());
        set("dbname", &self.database);
        set("user", &self.user);
        text
    }

    fn is_local(&self) -> bool {
        let is_loopback = self.host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        self.host.starts_with('/') || self.host == "localhost" || is_loopback
    }
}

/// The programs run in other folders than we do.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn is_fit(what: &'static str, value: &str) -> Result<(), ConnectionError> {
    if value.is_empty() || value.chars().any(char::is_control) {
        return Err(ConnectionError::Value { what, value: value.to_owned() });
    }
    Ok(())
}

fn is_private(path: &Path) -> Result<(), ConnectionError> {
    let unreadable = |source| ConnectionError::Unreadable { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    fs::File::open(path).map_err(unreadable)?;
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(ConnectionError::Open { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn good() -> Connection {
        Connection {
            host: "/run/postgresql".to_owned(),
            port: 5432,
            database: "sbtc".to_owned(),
            user: "countersign_backup".to_owned(),
            password_file: None,
            service: None,
        }
    }

    #[test]
    fn no_value_can_become_another_setting() {
        let database = "x' host='evil.example\\".to_owned();
        let text = Connection { database, ..good() }.text();
        assert!(text.contains(r"dbname='x\' host=\'evil.example\\'"), "{text}");
        for value in ["", "a\nb", "a\0b"] {
            let spoilt = Connection { database: value.to_owned(), ..good() };
            assert!(matches!(spoilt.check(), Err(ConnectionError::Value { .. })), "{value:?}");
        }
    }

    #[test]
    fn another_host_is_reached_over_tls() {
        let text = |host: &str| Connection { host: host.to_owned(), ..good() }.text();
        for local in ["/run/postgresql", "localhost", "127.0.0.1", "::1"] {
            assert!(!text(local).contains("sslmode"), "{local}");
        }
        assert!(text("db.example").contains("sslmode='require'"));
    }

    #[test]
    fn a_password_that_others_can_read_is_refused_with_the_command_that_mends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pgpass");
        fs::write(&path, "*:*:*:*:horse").unwrap();
        let connection = Connection { password_file: Some(path.clone()), ..good() };
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = connection.check().unwrap_err().to_string();
        assert!(error.contains("mode 0640") && error.contains("chmod 600"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        connection.check().unwrap();
        fs::remove_file(&path).unwrap();
        assert!(matches!(connection.check(), Err(ConnectionError::Unreadable { .. })));
    }
}
