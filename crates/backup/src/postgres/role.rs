//! The role that backups are made as: it reads, and can do nothing else.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::connection::Connection;
use super::programs::Programs;
use super::psql::{Asker, PgError, identifier, literal};

/// The SQL that makes the role. `owner` is the role that the signer connects as, whose later tables the new
/// role may read as well.
pub fn role_sql(role: &str, database: &str, owner: &str) -> String {
    let (name, of, owner) = (identifier(role), identifier(database), identifier(owner));
    let text = literal(role);
    format!(
        "\
-- Run this in the signer's database as a superuser: psql --dbname=NAME --file=THIS.sql
-- Then give the role a password with \\password, unless pg_hba.conf lets it in as a user of the system (peer).
SELECT 'CREATE ROLE {inner} LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {text}) \\gexec
ALTER ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 4;
ALTER ROLE {name} SET default_transaction_read_only = on;
GRANT CONNECT ON DATABASE {of} TO {name};
GRANT USAGE ON SCHEMA sbtc_signer, public TO {name};
GRANT SELECT ON ALL TABLES IN SCHEMA sbtc_signer, public TO {name};
GRANT SELECT ON ALL SEQUENCES IN SCHEMA sbtc_signer, public TO {name};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA sbtc_signer, public GRANT SELECT ON TABLES TO {name};
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA sbtc_signer, public GRANT SELECT ON SEQUENCES TO {name};
",
        inner = name.replace('\'', "''"),
    )
}

/// What is wrong with a role that connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is more than a reader.
    Power(String),
    /// It can change a table.
    Writes(String),
    /// It cannot read a table or sequence.
    Blind(String),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Power(power) => write!(f, "the role {power}"),
            Self::Writes(table) => write!(f, "the role can change {table}"),
            Self::Blind(table) => write!(f, "the role cannot read {table}"),
        }
    }
}

#[derive(Deserialize)]
struct Rights {
    powers: Vec<String>,
    writes: Vec<String>,
    blind: Vec<String>,
}

/// Everything that is wrong with the role of a connection: it should read everything and change nothing.
pub fn role_flaws(programs: &Programs, connection: &Connection) -> Result<Vec<Flaw>, PgError> {
    let stop = CancellationToken::new();
    let asker = Asker { programs, connection, other: None, stop: &stop };
    let rights: Rights = asker.ask(RIGHTS_SQL, Duration::from_mins(1))?;
    let powers = rights.powers.into_iter().map(Flaw::Power);
    let writes = rights.writes.into_iter().map(Flaw::Writes);
    let blind = rights.blind.into_iter().map(Flaw::Blind);
    Ok(powers.chain(writes).chain(blind).collect())
}

const RIGHTS_SQL: &str = include_str!("sql/rights.sql");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_stay_names() {
        let sql = role_sql("r\"; DROP TABLE x; --", "d'b", "o\"w");
        assert!(sql.contains("TO \"r\"\"; DROP TABLE x; --\";"), "{sql}");
        assert!(sql.contains("ON DATABASE \"d'b\" TO"), "{sql}");
        assert!(sql.contains("FOR ROLE \"o\"\"w\" IN"), "{sql}");
    }
}
