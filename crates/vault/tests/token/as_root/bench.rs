//! A folder with tokens of its own, and a process that sees no others.
//!
//! SoftHSM reads the name of its configuration from the environment, which a process cannot change
//! for itself: so each test runs its body in this test program started again.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use countersign_vault::{TokenError, TokenKey, TokenPin, TokenPlace};
use countersign_wire::PrivateKey;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;

pub(crate) const TOKEN: &str = "signer";
pub(crate) const PIN: &str = "5678-right";
const SO_PIN: &str = "12345678";
const FOLDER: &str = "TOKEN_TEST_FOLDER";
/// Where distributions put the module.
const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

/// Where the tokens of one test are.
pub(crate) struct Bench {
    folder: PathBuf,
}

/// Runs `body` in a process whose only token is a fresh one called [`TOKEN`]. `name` is the test's.
pub(crate) fn bench(name: &str, body: fn(&Bench)) {
    if let Some(folder) = env::var_os(FOLDER) {
        return body(&Bench { folder: folder.into() });
    }
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench { folder: folder.path().to_owned() };
    fs::create_dir(bench.tokens()).unwrap();
    let conf = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        bench.tokens().display()
    );
    fs::write(bench.conf(), conf).unwrap();
    bench.init(TOKEN);
    let ran = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .env("SOFTHSM2_CONF", bench.conf())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    assert!(said.contains("1 passed"), "no test has the name {name}: {said}");
}

impl Bench {
    /// The folder of this test.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn tokens(&self) -> PathBuf {
        self.folder.join("tokens")
    }

    fn conf(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    /// Makes another token.
    pub(crate) fn init(&self, label: &str) {
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", label, "--so-pin", SO_PIN, "--pin", PIN])
            .env("SOFTHSM2_CONF", self.conf())
            .output()
            .expect("softhsm2-util of the package softhsm2 is installed");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// Has OpenSC's tool do something as the token's user.
    fn pkcs11_tool_does(&self, args: &[&str]) {
        let done = Command::new("pkcs11-tool")
            .arg("--module")
            .arg(module())
            .args(["--token-label", TOKEN, "--login", "--pin", PIN])
            .args(args)
            .env("SOFTHSM2_CONF", self.conf())
            .output()
            .expect("pkcs11-tool of the package opensc is installed");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Makes a key with another program than ours. `kind` is in the words of pkcs11-tool.
    pub(crate) fn keypair(&self, kind: &str, label: &str) {
        self.pkcs11_tool_does(&["--keypairgen", "--key-type", kind, "--label", label]);
    }

    /// Deletes the half `kind` (`privkey`, `pubkey`) of a key.
    pub(crate) fn delete(&self, kind: &str, label: &str) {
        self.pkcs11_tool_does(&["--delete-object", "--type", kind, "--label", label]);
    }

    pub(crate) fn change_pin(&self, to: &str) {
        self.pkcs11_tool_does(&["--change-pin", "--new-pin", to]);
    }

    /// Takes every token away, and gives the name that brings them back.
    pub(crate) fn pull_out(&self, to: &str) -> PathBuf {
        let drawer = self.folder.join(to);
        fs::rename(self.tokens(), &drawer).unwrap();
        fs::create_dir(self.tokens()).unwrap();
        drawer
    }

    pub(crate) fn plug_in(&self, drawer: &Path) {
        fs::remove_dir_all(self.tokens()).unwrap();
        fs::rename(drawer, self.tokens()).unwrap();
    }
}

pub(crate) fn module() -> PathBuf {
    let found = MODULES.iter().map(PathBuf::from).find(|module| module.exists());
    found.expect("libsofthsm2.so of the package softhsm2 is installed")
}

pub(crate) fn place(key_label: &str) -> TokenPlace {
    TokenPlace { module: module(), token: TOKEN.to_owned(), key_label: key_label.to_owned() }
}

pub(crate) fn pin() -> TokenPin {
    TokenPin::new(PIN)
}

/// The key that tests put into the token.
pub(crate) fn key() -> PrivateKey {
    PrivateKey::from_bytes([7; 32]).unwrap()
}

/// Opens a key that is in the token.
pub(crate) fn open(key_label: &str) -> Result<TokenKey, TokenError> {
    TokenKey::open(place(key_label), pin())
}

/// Puts [`key`] into the token and opens it.
pub(crate) fn opened(key_label: &str) -> TokenKey {
    TokenKey::take_in(&place(key_label), &pin(), &key()).unwrap();
    open(key_label).unwrap()
}

/// The digest with this number.
pub(crate) fn digest(number: u64) -> [u8; 32] {
    countersign_wire::hash::sha256(&[&number.to_be_bytes()])
}

/// A session of our own, logged in.
pub(crate) fn session() -> Session {
    let context = Pkcs11::new(module()).unwrap();
    // A key that was opened before has begun the module.
    let _ = context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    let slot = context.get_slots_with_initialized_token().unwrap()[0];
    let session = context.open_rw_session(slot).unwrap();
    let _ = session.login(UserType::User, Some(&AuthPin::new(PIN.into())));
    session
}

/// Gives a public key the label of another key.
pub(crate) fn relabel_public_key(from: &str, to: &str) {
    let session = session();
    let label = |label: &str| Attribute::Label(label.as_bytes().to_vec());
    let template = [Attribute::Class(ObjectClass::PUBLIC_KEY), label(from)];
    let found = session.find_objects(&template).unwrap();
    session.update_attributes(found[0], &[label(to)]).unwrap();
}
