//! Compose files.

use std::net::IpAddr;
use std::path::Path;

use yaml_rust2::{Yaml, YamlLoader};

use crate::facts::ComposeService;

/// Why a compose file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// An alias is copied wherever it stands, so a small file could fill the memory.
    #[error("it has more than {MAX_ALIASES} aliases")]
    Aliases,
    /// Each level costs the parser of its stack.
    #[error("it nests more than {MAX_DEPTH} levels")]
    Depth,
    /// It is no YAML.
    #[error("it is no YAML: {0}")]
    Yaml(String),
    /// It has no services.
    #[error("it has no `services`")]
    NoServices,
}

/// Reads the services of a compose file.
pub fn read(text: &str, path: &Path) -> Result<Vec<ComposeService>, ComposeError> {
    if aliases(text) > MAX_ALIASES {
        return Err(ComposeError::Aliases);
    }
    if depth(text) > MAX_DEPTH {
        return Err(ComposeError::Depth);
    }
    let documents =
        YamlLoader::load_from_str(text).map_err(|error| ComposeError::Yaml(error.to_string()))?;
    let services =
        documents.first().and_then(|document| document.as_hash()?.get(&key("services"))?.as_hash());
    let services = services.ok_or(ComposeError::NoServices)?;
    Ok(services.iter().filter_map(|(name, body)| service(name.as_str()?, body, path)).collect())
}

/// At least as many aliases as the text has: one begins where a value can, and has a name.
fn aliases(text: &str) -> usize {
    let can_begin = |before: u8| before.is_ascii_whitespace() || b",[{:".contains(&before);
    let before = std::iter::once(b'\n').chain(text.bytes());
    let after = text.bytes().skip(1).chain(std::iter::once(b'\n'));
    let places = before.zip(text.bytes()).zip(after);
    places
        .filter(|((before, here), after)| {
            *here == b'*' && can_begin(*before) && !after.is_ascii_whitespace()
        })
        .count()
}

/// At least as many levels as the text has: a level of blocks needs a column at the start of a line, one of
/// flows a bracket.
fn depth(text: &str) -> usize {
    let is_level = |c: &char| matches!(c, ' ' | '-' | '?' | ':' | '\t');
    let blocks = text.lines().map(|line| line.chars().take_while(is_level).count()).max();
    let mut flows = 0_usize;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => flows += 1,
            b']' | b'}' => flows = flows.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(flows);
    }
    blocks.unwrap_or(0).max(deepest)
}

fn key(name: &str) -> Yaml {
    Yaml::String(name.to_owned())
}

fn service(name: &str, body: &Yaml, path: &Path) -> Option<ComposeService> {
    body.as_hash()?;
    let get = |name: &str| value(body, &key(name));
    let list = |name: &str| get(name).and_then(Yaml::as_vec).map(Vec::as_slice).unwrap_or_default();
    // Compose takes the words for them, too.
    let flag = |name: &str| match get(name) {
        Some(Yaml::String(word)) => word == "true",
        value => value.and_then(Yaml::as_bool).unwrap_or(false),
    };
    let drops_all = list("cap_drop")
        .iter()
        .filter_map(Yaml::as_str)
        .any(|name| name.eq_ignore_ascii_case("all"));
    let on_host = get("network_mode").and_then(Yaml::as_str) == Some("host");
    Some(ComposeService {
        file: path.to_owned(),
        name: name.to_owned(),
        image: get("image").and_then(Yaml::as_str).map(str::to_owned),
        published: list("ports").iter().filter_map(published).collect(),
        user: get("user").and_then(scalar),
        is_read_only: flag("read_only"),
        drops_capabilities: drops_all && list("cap_add").is_empty(),
        is_privileged: on_host || flag("privileged"),
        key_variables: get("environment").map(key_variables).unwrap_or_default(),
    })
}

/// The value of a key: the service's own, or that of the first table that is merged into it (`<<`) and has one.
fn value<'a>(table: &'a Yaml, name: &Yaml) -> Option<&'a Yaml> {
    let own = table.as_hash()?;
    own.get(name).or_else(|| match own.get(&key("<<"))? {
        Yaml::Array(tables) => tables.iter().find_map(|table| value(table, name)),
        table => value(table, name),
    })
}

fn scalar(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `[ADDRESS:][HOST:]CONTAINER[/PROTOCOL]`, or the long form.
fn published(port: &Yaml) -> Option<(Option<IpAddr>, String)> {
    if let Some(long) = port.as_hash() {
        let address =
            long.get(&key("host_ip")).and_then(Yaml::as_str).and_then(|text| text.parse().ok());
        // Without the host's port Docker chooses one.
        let port = long.get(&key("published")).or_else(|| long.get(&key("target")));
        return Some((address, scalar(port?)?));
    }
    let text = scalar(port)?;
    let text = text.split('/').next()?;
    let Some((host, _)) = text.rsplit_once(':') else {
        // Docker chooses the host's port, on every address.
        return Some((None, text.to_owned()));
    };
    match host.rsplit_once(':') {
        Some((address, port)) => {
            let address = address.trim_start_matches('[').trim_end_matches(']');
            Some((address.parse().ok(), port.to_owned()))
        }
        None => Some((None, host.to_owned())),
    }
}

/// Names of variables that are given a key, or that are called one: `NAME: value` or `NAME=value`.
fn key_variables(environment: &Yaml) -> Vec<String> {
    let pairs: Vec<(String, String)> = match environment {
        Yaml::Hash(table) => table
            .iter()
            .filter_map(|(name, value)| Some((scalar(name)?, scalar(value).unwrap_or_default())))
            .collect(),
        Yaml::Array(items) => items
            .iter()
            .filter_map(Yaml::as_str)
            .map(|item| item.split_once('=').unwrap_or((item, "")))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        _ => Vec::new(),
    };
    let is_key = |name: &str, value: &str| {
        let is_called = name.to_ascii_uppercase().ends_with("PRIVATE_KEY");
        let value = value.trim_start_matches("0x");
        let is_hex =
            matches!(value.len(), 64 | 66) && value.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_called || is_hex
    };
    pairs.into_iter().filter(|(name, value)| is_key(name, value)).map(|(name, _)| name).collect()
}

const MAX_ALIASES: usize = 16;
const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn ports_are_read_in_every_form() {
        let text = "services:\n  signer:\n    image: x:1\n    user: 10001\n    read_only: true\n    cap_drop: [ALL]\n    ports:\n      - \"30000:30000\"\n      - \"127.0.0.1:30001:30001/tcp\"\n      - 20444\n      - \"[::1]:5:6\"\n      - target: 80\n        published: 8080\n        host_ip: 10.0.0.1\n    environment:\n      - SIGNER_SIGNER__PRIVATE_KEY=abc\n      - OTHER=1\n";
        let services = read(text, Path::new("/c")).unwrap();
        let signer = &services[0];
        assert_eq!((signer.user.as_deref(), signer.is_read_only), (Some("10001"), true));
        assert!(signer.drops_capabilities && !signer.is_privileged);
        let ports: Vec<(Option<String>, &str)> = signer
            .published
            .iter()
            .map(|(address, port)| (address.map(|address| address.to_string()), port.as_str()))
            .collect();
        let at = |address: &str| Some(address.to_owned());
        assert_eq!(
            ports,
            [
                (None, "30000"),
                (at("127.0.0.1"), "30001"),
                (None, "20444"),
                (at("::1"), "5"),
                (at("10.0.0.1"), "8080")
            ]
        );
        assert_eq!(signer.key_variables, ["SIGNER_SIGNER__PRIVATE_KEY"]);
    }

    #[test]
    fn what_is_merged_into_a_service_is_a_part_of_it() {
        let text = "x-base: &base {privileged: true, user: '5', ports: ['1:1']}\n\
                    x-more: &more {read_only: true, user: '6'}\n\
                    services:\n  one:\n    <<: *base\n    user: '7'\n  two:\n    <<: [*more, *base]\n";
        let services = read(text, Path::new("/c")).unwrap();
        let seen = |service: &ComposeService| {
            let user = service.user.clone().unwrap();
            (service.is_privileged, service.is_read_only, user, service.published.len())
        };
        assert_eq!(seen(&services[0]), (true, false, "7".to_owned(), 1));
        assert_eq!(seen(&services[1]), (true, true, "6".to_owned(), 1));
    }

    #[test]
    fn what_undoes_a_restriction_is_seen() {
        let rights = |more: &str| {
            let text = format!("services: {{a: {{cap_drop: [ALL], {more}}}}}");
            let service = read(&text, Path::new("/c")).unwrap().remove(0);
            (service.drops_capabilities, service.is_privileged)
        };
        assert_eq!(rights("cap_add: []"), (true, false));
        assert_eq!(rights("cap_add: [SYS_ADMIN]"), (false, false));
        assert_eq!(rights("privileged: 'true'"), (true, true));
    }

    #[test]
    fn a_port_for_which_docker_chooses_another_is_published() {
        let text = "services: {a: {ports: [{target: 30000}]}}";
        let service = read(text, Path::new("/c")).unwrap().remove(0);
        assert_eq!(service.published, [(None, "30000".to_owned())]);
    }

    #[test]
    fn hostile_files_are_refused() {
        for alias in ["*a, ", "*a,", "{\"k\":*a},"] {
            let bomb = format!("a: &a [1]\nservices: [{}]", alias.repeat(20));
            assert_eq!(read(&bomb, Path::new("/c")), Err(ComposeError::Aliases), "{alias}");
        }
        let times = "services: {a: {command: '*/5 * * * * * * * * * * * * * * * * * * * * *'}}";
        assert_eq!(read(times, Path::new("/c")).unwrap().len(), 1);
        for deep in ["[", "- ", "{a: ", "? ", "-\t"] {
            let text = deep.repeat(100_000);
            assert_eq!(read(&text, Path::new("/c")), Err(ComposeError::Depth), "{deep}");
        }
        assert_eq!(read("a: 1", Path::new("/c")), Err(ComposeError::NoServices));
        assert!(read("services: {a: 1}", Path::new("/c")).unwrap().is_empty());
    }
}
