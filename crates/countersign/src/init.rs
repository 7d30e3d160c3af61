//! `countersign init`: a few questions, and the description of an installation.

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use countersign_ops::exit::Exit;
use countersign_site::init::{Answers, FILE_NAME, InitError, Made};
use countersign_site::values::Refused;
use countersign_site::{
    BitcoinMode, KeyPlace, LinkKind, Network, Profile, Runtime, Secrets, secrets,
};

use crate::cli::Failed;
use crate::described;
use crate::render::NotRoot;

/// What `init` needs to know. Every question is an option, too.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder that is written
    #[arg(long, value_name = "DIR", default_value = "/etc/countersign")]
    dir: PathBuf,
    /// Ask nothing: take the default of each question that has no option here
    #[arg(long)]
    yes: bool,
    /// Only draw the secrets that are missing beside a description that is there
    #[arg(long, conflicts_with_all = ["yes", "network", "profile", "runtime", "signer_name", "sbtc_signer"])]
    secrets: bool,
    /// mainnet, testnet or mocknet
    #[arg(long)]
    network: Option<Network>,
    /// solo or pool
    #[arg(long)]
    profile: Option<Profile>,
    /// systemd or docker
    #[arg(long)]
    runtime: Option<Runtime>,
    /// The host name of the machine that signs
    #[arg(long, value_name = "NAME")]
    signer_name: Option<String>,
    /// Its private address
    #[arg(long, value_name = "ADDRESS")]
    signer_address: Option<String>,
    /// The host name of a second machine, for the node
    #[arg(long, value_name = "NAME", requires = "node_address")]
    node_name: Option<String>,
    /// Its private address
    #[arg(long, value_name = "ADDRESS", requires = "node_name")]
    node_address: Option<String>,
    /// What connects two hosts: countersign, nginx, haproxy or wireguard
    #[arg(long, requires = "node_name")]
    link: Option<LinkKind>,
    /// Where the signing key is: age, credential or pkcs11
    #[arg(long)]
    key: Option<KeyPlace>,
    /// The library of the token that the key is in
    #[arg(long, value_name = "FILE", requires_all = ["token", "key_label"])]
    token_module: Option<String>,
    /// The token's label
    #[arg(long, value_name = "LABEL", requires = "token_module")]
    token: Option<String>,
    /// The key's label in it
    #[arg(long, value_name = "LABEL", requires = "token_module")]
    key_label: Option<String>,
    /// full, pruned or external
    #[arg(long)]
    bitcoin: Option<BitcoinMode>,
    /// A public key of the sBTC signing set; once for each
    #[arg(long, value_name = "KEY", requires = "sbtc_signatures")]
    sbtc_signer: Vec<String>,
    /// How many of them must sign
    #[arg(long, value_name = "NUMBER", requires = "sbtc_signer")]
    sbtc_signatures: Option<u64>,
    /// A network from which administrators connect; once for each
    #[arg(long, value_name = "NETWORK")]
    admin_network: Vec<String>,
    /// A user who administers; once for each
    #[arg(long, value_name = "USER")]
    admin: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Writes countersign.toml, a .gitignore, and secrets of 256 bits in a folder of their own. Overwrites nothing. On a
terminal it asks for what no option says; elsewhere, and with --yes, it takes the defaults.

Examples:
  countersign init
  countersign init --yes --network testnet --dir ./site
  countersign init --yes --profile pool --signer-name signer-1 --signer-address 10.0.0.2 \\
    --node-name node-1 --node-address 10.0.0.1
  countersign init --yes --key pkcs11 --token-module /usr/lib/softhsm/libsofthsm2.so --token signer \
    --key-label block-1
";

/// Asks, writes, and says what is next.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    if args.secrets {
        return draw(&args.dir, out);
    }
    // Before any question is asked in vain.
    let path = args.dir.join(FILE_NAME);
    if path.symlink_metadata().is_ok() {
        return Err(failed(InitError::Exists(path)));
    }
    may_write(&args.dir).map_err(failed)?;
    let asks = !args.yes && io::stdin().is_terminal();
    let answers = Asker { asks }.answers(args)?;
    let made = answers.write(&args.dir).map_err(failed)?;
    if args.json { as_json(&made, out) } else { in_words(&made, out) }.map_err(Failed::failure)
}

/// Whether this user may write the folder, or make it.
fn may_write(folder: &Path) -> Result<(), InitError> {
    let is_there = |folder: &&Path| folder.as_os_str().is_empty() || folder.exists();
    let nearest = folder.ancestors().find(is_there).unwrap_or(folder);
    let nearest = if nearest.as_os_str().is_empty() { Path::new(".") } else { nearest };
    let access = rustix::fs::access(nearest, rustix::fs::Access::WRITE_OK);
    access.map_err(|error| InitError::File { path: folder.to_owned(), source: error.into() })
}

fn failed(error: InitError) -> Failed {
    match error {
        InitError::Exists(_) | InitError::Answer(_) => Failed::new(Exit::Usage, error),
        error if error.is_denied() && !rustix::process::geteuid().is_root() => {
            let (what, instead) = ("the folder", "name a folder of your own with --dir DIR");
            Failed::failure(NotRoot { what, instead, source: error.into() })
        }
        InitError::File { .. } | InitError::Secrets(_) => Failed::failure(error),
    }
}

fn draw(folder: &Path, out: &mut dyn Write) -> Result<(), Failed> {
    let path = folder.join(FILE_NAME);
    let site = described::site(&path)?;
    let drawn = Secrets::draw(&folder.join(secrets::FOLDER), &site).map_err(Failed::failure)?;
    for path in drawn {
        writeln!(out, "{}", path.display()).map_err(Failed::failure)?;
    }
    Ok(())
}

fn as_json(made: &Made, out: &mut dyn Write) -> io::Result<()> {
    let secrets: Vec<_> = made.secrets.iter().map(|path| path.display().to_string()).collect();
    let said = serde_json::json!({
        "file": made.file.display().to_string(),
        "secrets": secrets,
        "missing": made.missing.as_ref().map(ToString::to_string),
    });
    writeln!(out, "{said}")
}

fn in_words(made: &Made, out: &mut dyn Write) -> io::Result<()> {
    let file = made.file.display();
    writeln!(out, "Description: {file}")?;
    for path in &made.secrets {
        writeln!(out, "Secret, for root only: {}", path.display())?;
    }
    match &made.missing {
        Some(problem) => writeln!(out, "To be completed: {problem}"),
        None => writeln!(out, "Next: countersign render --config {file} --diff"),
    }
}

/// The library of a token, its label, and the label of a key in it.
type TokenNames = (String, String, String);

/// Who is asked, if anybody.
struct Asker {
    asks: bool,
}

impl Asker {
    fn answers(&self, args: &Args) -> Result<Answers, Failed> {
        let network = self.choice(
            args.network,
            "Network: mainnet, or testnet to try everything without money",
            Network::Mainnet,
        )?;
        let profile = self.choice(
            args.profile,
            "Profile: solo if you sign for yourself; pool if others delegate to you, which gives the key a \
             process of its own and watches its share of the voting power",
            Profile::Solo,
        )?;
        let runtime = self.choice(
            args.runtime,
            "Runtime: systemd runs each program as a sandboxed service; docker runs images pinned by digest",
            Runtime::Systemd,
        )?;
        let here = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let signer_name = self.text(
            args.signer_name.as_ref(),
            "Host name of the machine that signs",
            here.trim(),
        )?;
        let node = self.node(args)?;
        let signer_address = match (&args.signer_address, &node) {
            (None, Some(_)) => {
                let told = self.text(None, "Private address of the machine that signs", "")?;
                Some(told).filter(|told| !told.is_empty())
            }
            (given, _) => given.clone(),
        };
        let link = match (&node, args.link) {
            (Some(_), link) => Some(self.choice(
                link,
                "Link: countersign is built in, with mutual TLS; nginx, haproxy and wireguard are for those who \
                 have them already",
                LinkKind::Countersign,
            )?),
            (None, link) => link,
        };
        let (key, token) = self.key(args, runtime)?;
        Ok(Answers {
            network: Some(network),
            profile: Some(profile),
            runtime: Some(runtime),
            signer_name,
            signer_address,
            node,
            link,
            key,
            token,
            bitcoin: self.bitcoin(args, network)?,
            sbtc: self.sbtc(args)?,
            admin_networks: args.admin_network.clone(),
            admins: args.admin.clone(),
        })
    }

    fn node(&self, args: &Args) -> Result<Option<(String, String)>, Failed> {
        if let (Some(name), Some(address)) = (&args.node_name, &args.node_address) {
            return Ok(Some((name.clone(), address.clone())));
        }
        let question = "Host name of a second machine for the node, which keeps the key away from peers; empty if \
                        there is one machine";
        let name = self.text(None, question, "")?;
        if name.is_empty() {
            return Ok(None);
        }
        let address = self.text(None, "Private address of that machine", "")?;
        Ok(Some((name, address)))
    }

    fn key(
        &self,
        args: &Args,
        runtime: Runtime,
    ) -> Result<(Option<KeyPlace>, Option<TokenNames>), Failed> {
        let given = args.token_module.clone().zip(args.token.clone()).zip(args.key_label.clone());
        let given = given.map(|((module, label), key_label)| (module, label, key_label));
        let place = match (args.key, &given, runtime) {
            (None, Some(_), _) => Some(KeyPlace::Pkcs11),
            (None, None, Runtime::Systemd) if self.asks => Some(self.choice(
                None,
                "Key: age keeps it in an encrypted file, whose passphrase systemd seals to this machine; \
                 credential has systemd seal the key itself; pkcs11 keeps it in a token",
                KeyPlace::Age,
            )?),
            (key, ..) => key,
        };
        if place != Some(KeyPlace::Pkcs11) || given.is_some() || !self.asks {
            return Ok((place, given));
        }
        let module =
            self.text(None, "The library of the token's vendor; empty to write it later", "")?;
        if module.is_empty() {
            return Ok((place, None));
        }
        let label = self.text(None, "The token's label", "")?;
        let key_label = self.text(None, "The key's label in it", "")?;
        Ok((place, Some((module, label, key_label))))
    }

    fn bitcoin(&self, args: &Args, network: Network) -> Result<Option<BitcoinMode>, Failed> {
        if args.bitcoin.is_some() || network != Network::Mainnet {
            return Ok(args.bitcoin);
        }
        let question = "Bitcoin: full keeps all blocks (1 TB); pruned keeps the newest (50 GB), and must never be \
                        down for two days";
        self.choice(None, question, BitcoinMode::Full).map(Some)
    }

    fn sbtc(&self, args: &Args) -> Result<Option<(Vec<String>, u64)>, Failed> {
        if let Some(required) = args.sbtc_signatures {
            return Ok(Some((args.sbtc_signer.clone(), required)));
        }
        let question =
            "sBTC: the public keys of the signing set, with spaces between; empty without sBTC";
        let keys = self.text(None, question, "")?;
        if keys.is_empty() {
            return Ok(None);
        }
        let required = self.text(None, "How many of them must sign", "")?;
        let required = required.parse().map_err(|_| Failed::argument("that is not a number"))?;
        Ok(Some((keys.split_whitespace().map(str::to_owned).collect(), required)))
    }

    fn choice<T>(&self, given: Option<T>, question: &str, default: T) -> Result<T, Failed>
    where
        T: Copy + ToString + FromStr<Err = Refused>,
    {
        if let Some(given) = given {
            return Ok(given);
        }
        loop {
            let told = self.text(None, question, &default.to_string())?;
            match told.parse() {
                Ok(chosen) => return Ok(chosen),
                Err(Refused(remedy)) => say(&format!("  {remedy}"))?,
            }
        }
    }

    /// One line from the terminal; the default if it is empty, or if nobody is asked.
    fn text(
        &self,
        given: Option<&String>,
        question: &str,
        default: &str,
    ) -> Result<String, Failed> {
        if let Some(given) = given {
            return Ok(given.clone());
        }
        if !self.asks {
            return Ok(default.to_owned());
        }
        say(question)?;
        say(&if default.is_empty() { "  >".to_owned() } else { format!("  [{default}] >") })?;
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line).map_err(Failed::failure)?;
        if read == 0 {
            return Err(Failed::argument("the terminal was closed; nothing was written"));
        }
        let line = line.trim();
        Ok(if line.is_empty() { default } else { line }.to_owned())
    }
}

/// Questions leave stdout alone.
fn say(text: &str) -> Result<(), Failed> {
    writeln!(io::stderr(), "{text}").map_err(Failed::failure)
}
