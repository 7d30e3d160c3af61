//! The signer: its key, the one that is to take its place, and who may ask for what.

use crate::choices::{KeyPlace, Profile, Runtime};
use crate::error::Problem;
use crate::file;
use crate::site::{Place, Signer, SigningKey, Token};
use crate::values::{AbsPath, UserName};

use super::{Frame, or, there, value, values};

/// What the keys of a table are called that says where a signing key is.
struct Names {
    key: &'static str,
    key_name: &'static str,
    token: &'static str,
    module: &'static str,
    label: &'static str,
    key_label: &'static str,
    folders: &'static str,
    devices: &'static str,
    groups: &'static str,
}

macro_rules! names {
    ($table:literal) => {
        Names {
            key: concat!($table, ".key"),
            key_name: concat!($table, ".key_name"),
            token: concat!($table, ".token"),
            module: concat!($table, ".token.module"),
            label: concat!($table, ".token.label"),
            key_label: concat!($table, ".token.key_label"),
            folders: concat!($table, ".token.folders"),
            devices: concat!($table, ".token.devices"),
            groups: concat!($table, ".token.groups"),
        }
    };
}

const NOW: Names = names!("signer");
const NEXT: Names = names!("signer.next");

pub(super) fn check(table: &file::Signer, frame: Frame) -> Result<Signer, Problem> {
    let place = or(NOW.key, table.key.as_deref(), KeyPlace::Age)?;
    let name = table.key_name.as_deref().unwrap_or(SigningKey::USUAL_NAME);
    let key = SigningKey {
        name: value(NOW.key_name, name)?,
        place: kept(place, table.token.as_ref(), frame, &NOW)?,
    };
    let next = table.next.as_ref().map(|table| next(table, place, frame)).transpose()?;
    if let Some(next) = &next {
        different(&key, next)?;
    }
    let vault = table.vault.unwrap_or(frame.profile == Profile::Pool);
    let operators = operators(table, vault, frame)?;
    Ok(Signer { key, next, vault, operators })
}

/// The key that is to take the place of one that is in `current`.
fn next(table: &file::NextKey, current: KeyPlace, frame: Frame) -> Result<SigningKey, Problem> {
    let place = or(NEXT.key, table.key.as_deref(), current)?;
    let remedy = "write what the files of the next key are called after, such as \"signer-2\"; if no key is being \
                  changed, remove [signer.next]";
    Ok(SigningKey {
        name: there(NEXT.key_name, table.key_name.as_ref(), remedy)?,
        place: kept(place, table.token.as_ref(), frame, &NEXT)?,
    })
}

/// No key takes its own place.
fn different(key: &SigningKey, next: &SigningKey) -> Result<(), Problem> {
    let same = |one, other, found: &dyn ToString| {
        let remedy = "the next key is another one; once it has taken the other's place, its lines move to [signer], \
                      and [signer.next] is removed";
        Err(Problem::Same { one, other, found: found.to_string(), remedy })
    };
    if key.name == next.name {
        return same(NOW.key_name, NEXT.key_name, &key.name);
    }
    match (key.token(), next.token()) {
        (Some(one), Some(other))
            if (&one.label, &one.key_label) == (&other.label, &other.key_label) =>
        {
            same(NOW.key_label, NEXT.key_label, &one.key_label)
        }
        _ => Ok(()),
    }
}

fn kept(
    place: KeyPlace,
    table: Option<&file::Token>,
    frame: Frame,
    names: &Names,
) -> Result<Place, Problem> {
    if frame.runtime == Runtime::Docker {
        let what = match place {
            KeyPlace::Age => None,
            KeyPlace::Credential => Some("Docker has no credentials of systemd's; write \"age\""),
            KeyPlace::Pkcs11 => Some("the image has no library of a token's vendor; write \"age\""),
        };
        if let Some(what) = what {
            return Err(Problem::Contradiction { key: names.key, what });
        }
    }
    match (place, table) {
        (KeyPlace::Pkcs11, Some(table)) => Ok(Place::Token(token(table, names)?)),
        (KeyPlace::Pkcs11, None) => Ok(Place::Token(token(&file::Token::default(), names)?)),
        (KeyPlace::Age, None) => Ok(Place::Age),
        (KeyPlace::Credential, None) => Ok(Place::Credential),
        (KeyPlace::Age | KeyPlace::Credential, Some(_)) => {
            let what =
                "only a key in a token has one; write `key = \"pkcs11\"`, or remove the table";
            Err(Problem::Contradiction { key: names.token, what })
        }
    }
}

fn token(table: &file::Token, names: &Names) -> Result<Token, Problem> {
    let module =
        "name the library of the token's vendor, such as \"/usr/lib/softhsm/libsofthsm2.so\"";
    let label = "`pkcs11-tool --module … --list-token-slots` shows it";
    let key_label = "name the key that `countersign keys new --to pkcs11:…` makes";
    let devices: Vec<AbsPath> = values(names.devices, &table.devices)?;
    if let Some(other) = devices.iter().find(|path| !path.as_path().starts_with("/dev")) {
        let (key, found) = (names.devices, other.to_string());
        return Err(Problem::Value {
            key,
            found,
            remedy: "write a device, such as \"/dev/tpmrm0\"",
        });
    }
    Ok(Token {
        module: there(names.module, table.module.as_ref(), module)?,
        label: there(names.label, table.label.as_ref(), label)?,
        key_label: there(names.key_label, table.key_label.as_ref(), key_label)?,
        pcscd: table.pcscd,
        folders: values(names.folders, &table.folders)?,
        devices,
        groups: values(names.groups, &table.groups)?,
    })
}

fn operators(table: &file::Signer, vault: bool, frame: Frame) -> Result<Vec<UserName>, Problem> {
    let operators: Vec<UserName> = values("signer.operators", &table.operators)?;
    let has = |name| operators.iter().filter(|operator| *operator == name).count();
    let what = if !vault && !operators.is_empty() {
        "only a vault knows operators; without one, whoever may read the key's file is one"
    } else if frame.runtime == Runtime::Docker && !operators.is_empty() {
        "a container has no users of the host; with Docker leave it out"
    } else if operators.iter().any(|name| has(name) > 1) {
        "name each user once"
    } else {
        return Ok(operators);
    };
    Err(Problem::Contradiction { key: "signer.operators", what })
}
