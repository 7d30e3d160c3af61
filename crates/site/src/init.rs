//! What `countersign init` asks, and the file that it makes of the answers.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::choices::{BitcoinMode, KeyPlace, LinkKind, Network, Profile, Runtime};
use crate::error::Problem;
use crate::render::Put as _;
use crate::secrets::{self, SecretError, Secrets};
use crate::site::Site;

/// The name of the file.
pub const FILE_NAME: &str = "countersign.toml";

/// The answers. What is not answered has its default.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Which network; mainnet.
    pub network: Option<Network>,
    /// For whom; solo.
    pub profile: Option<Profile>,
    /// What starts the programs; systemd.
    pub runtime: Option<Runtime>,
    /// The host name of the machine that signs.
    pub signer_name: String,
    /// Its private address.
    pub signer_address: Option<String>,
    /// Host name and private address of a second machine.
    pub node: Option<(String, String)>,
    /// What connects two hosts; the built-in link.
    pub link: Option<LinkKind>,
    /// Where the signing key is; in a file of age.
    pub key: Option<KeyPlace>,
    /// The token that it is in: its library, its label, and the key's label.
    pub token: Option<(String, String, String)>,
    /// Which bitcoind.
    pub bitcoin: Option<BitcoinMode>,
    /// sBTC: the signing set, and how many must sign.
    pub sbtc: Option<(Vec<String>, u64)>,
    /// Networks from which administrators connect.
    pub admin_networks: Vec<String>,
    /// The users who administer.
    pub admins: Vec<String>,
}

/// Why nothing was initialised.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// There is one already.
    #[error(
        "{} exists, and is never overwritten: edit it, or name another folder with --dir; missing secrets are \
         drawn by `countersign init --secrets`",
        .0.display()
    )]
    Exists(PathBuf),
    /// An answer makes no sense.
    #[error("an answer makes no sense: {0}")]
    Answer(Problem),
    /// The folder cannot be written.
    #[error("{} cannot be written", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The secrets cannot be drawn.
    #[error(transparent)]
    Secrets(#[from] SecretError),
}

impl InitError {
    /// Whether the operating system does not let this user do it.
    pub fn is_denied(&self) -> bool {
        match self {
            Self::File { source, .. } => source.kind() == io::ErrorKind::PermissionDenied,
            Self::Secrets(error) => error.is_denied(),
            Self::Exists(_) | Self::Answer(_) => false,
        }
    }
}

/// What was made.
#[derive(Debug)]
pub struct Made {
    /// The description.
    pub file: PathBuf,
    /// The secrets that were drawn.
    pub secrets: Vec<PathBuf>,
    /// What is still to be written into the file before anything can be rendered from it.
    pub missing: Option<Problem>,
}

impl Answers {
    /// The file, with a word on each choice.
    pub fn to_toml(&self) -> String {
        let network = self.network.unwrap_or(Network::Mainnet);
        let profile = self.profile.unwrap_or(Profile::Solo);
        let runtime = self.runtime.unwrap_or(Runtime::Systemd);
        let mut out = format!(
            "# The one description of this installation; `countersign render` makes everything else from it.\n\
             # Every key: docs/operator/countersign-toml.md. No secrets belong here.\n\n\
             network = \"{network}\"\nprofile = \"{profile}\"\nruntime = \"{runtime}\"\n\n"
        );
        self.hosts(&mut out);
        self.signer(&mut out);
        if let Some(mode) = self.bitcoin {
            out.put(format_args!("[bitcoin]\nmode = \"{mode}\"\n\n"));
        }
        if let Some((signers, required)) = &self.sbtc {
            out.put(format_args!(
                "[sbtc]\nsigners = {}\nsignatures_required = {required}\n\n",
                quoted_list(signers)
            ));
        }
        if !self.admin_networks.is_empty() || !self.admins.is_empty() {
            out.push_str("[access]\n");
            if !self.admin_networks.is_empty() {
                out.put(format_args!("admin_networks = {}\n", quoted_list(&self.admin_networks)));
            }
            if !self.admins.is_empty() {
                out.put(format_args!("admins = {}\n", quoted_list(&self.admins)));
            }
            out.push('\n');
        }
        if runtime == Runtime::Docker {
            out.push_str(
                "# Each image by its digest: NAME@sha256:…, as `docker image inspect --format \
                 '{{index .RepoDigests 0}}' NAME` shows it.\n[images]\n# countersign = \"\"\n# node = \"\"\n\
                 # bitcoin = \"\"\n",
            );
            if self.sbtc.is_some() {
                out.push_str("# sbtc = \"\"\n# postgres = \"\"\n");
            }
        }
        out
    }

    fn signer(&self, out: &mut String) {
        let Some(place) = self.key else { return };
        out.put(format_args!("[signer]\nkey = \"{place}\"\n\n"));
        if place != KeyPlace::Pkcs11 {
            return;
        }
        out.push_str("[signer.token]\n");
        match &self.token {
            Some((module, label, key_label)) => out.put(format_args!(
                "module = {}\nlabel = {}\nkey_label = {}\n",
                quoted(module),
                quoted(label),
                quoted(key_label)
            )),
            None => out.push_str("# module = \"\"\n# label = \"\"\n# key_label = \"\"\n"),
        }
        out.push_str(
            "# What its library must reach, if anything.\n# pcscd = true\n# folders = []\n# devices = []\n\
             # groups = []\n\n",
        );
    }

    fn hosts(&self, out: &mut String) {
        out.put(format_args!("[hosts.signer]\nname = {}\n", quoted(&self.signer_name)));
        if let Some(address) = &self.signer_address {
            out.put(format_args!("address = {}\n", quoted(address)));
        }
        out.push('\n');
        let Some((name, address)) = &self.node else { return };
        out.put(format_args!(
            "[hosts.node]\nname = {}\naddress = {}\n\n",
            quoted(name),
            quoted(address)
        ));
        let kind = self.link.unwrap_or(LinkKind::Countersign);
        out.put(format_args!("[link]\nkind = \"{kind}\"\n"));
        match kind {
            LinkKind::Countersign => out.push_str(
                "# What `countersign tls pin CERTIFICATE` shows on each host.\n# signer_pin = \"\"\n\
                 # node_pin = \"\"\n",
            ),
            LinkKind::Wireguard => out.push_str(
                "# What `wg pubkey < PRIVATE_KEY` shows on each host.\n# signer_wireguard_key = \"\"\n\
                 # node_wireguard_key = \"\"\n",
            ),
            LinkKind::Nginx | LinkKind::Haproxy => {}
        }
        out.push('\n');
    }

    /// Writes the file and draws the secrets. Nothing is ever overwritten.
    pub fn write(&self, folder: &Path) -> Result<Made, InitError> {
        let path = folder.join(FILE_NAME);
        if path.symlink_metadata().is_ok() {
            return Err(InitError::Exists(path));
        }
        let text = self.to_toml();
        let missing = match Site::parse(&text) {
            Ok(_) => None,
            Err(problem @ Problem::Missing { .. }) if self.has_names() => Some(problem),
            Err(problem) => return Err(InitError::Answer(problem)),
        };
        let at = |path: &Path| {
            let path = path.to_owned();
            |source| InitError::File { path, source }
        };
        DirBuilder::new().recursive(true).mode(0o755).create(folder).map_err(at(folder))?;
        let ignored = format!("/{}/\n/*/secret/\n", secrets::FOLDER);
        let git = folder.join(".gitignore");
        create(&git, &ignored, true).map_err(at(&git))?;
        // All that could be needed: the file may be completed before its secrets are.
        let drawn = match &missing {
            None => Site::parse(&text).map_err(InitError::Answer)?,
            Some(_) => self.stand_in()?,
        };
        let secrets = Secrets::draw(&folder.join(secrets::FOLDER), &drawn)?;
        create(&path, &text, false).map_err(at(&path))?;
        Ok(Made { file: path, secrets, missing })
    }

    /// Whether what only the operator knows is there.
    fn has_names(&self) -> bool {
        let node = self.node.as_ref();
        !self.signer_name.is_empty()
            && node.is_none_or(|(name, address)| !name.is_empty() && !address.is_empty())
    }

    /// An installation with the same secrets as the one that is not complete yet.
    fn stand_in(&self) -> Result<Site, InitError> {
        let simple = Self { runtime: None, node: None, link: None, key: None, ..self.clone() };
        Site::parse(&simple.to_toml()).map_err(InitError::Answer)
    }
}

/// A text as TOML writes it, whatever is in it; what makes no sense is refused when it is read.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn quoted_list(texts: &[String]) -> String {
    let list: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", list.join(", "))
}

/// A file that appears whole, and does not replace another one.
fn create(path: &Path, text: &str, or_keep: bool) -> io::Result<()> {
    let temporary = path.with_extension("new");
    drop(fs::remove_file(&temporary));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&temporary)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&temporary, path));
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if or_keep && error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}
