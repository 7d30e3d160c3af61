//! The rendered files, read by our own programs.

use countersign_node::link::LinkConfig;
use countersign_signerd::Config;
use countersign_site::HostRole;

use crate::golden::{kinds, rendered};

#[test]
fn the_signer_takes_each_of_its_configurations() {
    for (name, site) in kinds() {
        let files = rendered(&site, HostRole::Signer);
        let found = files.iter().find(|file| file.path == site.paths.signer_config()).unwrap();
        Config::parse(&found.contents).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        // It is read, and not only taken.
        let spoilt = found.contents.replace("\nendpoint = ", "\nendpiont = ");
        assert!(
            Config::parse(&spoilt).unwrap_err().to_string().contains("did you mean `endpoint`")
        );
    }
}

#[test]
fn the_link_takes_its_configuration() {
    let mut seen = 0;
    for (name, site) in kinds() {
        for role in site.roles() {
            let files = rendered(&site, *role);
            let found = files.iter().find(|file| file.path == site.paths.link_toml());
            let Some(found) = found else { continue };
            LinkConfig::parse(&found.contents)
                .unwrap_or_else(|problem| panic!("{name}: {problem}"));
            seen += 1;
        }
    }
    assert_eq!(seen, 4);
}
