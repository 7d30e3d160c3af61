//! The description of an installation, which many verbs read.

use std::path::Path;

use countersign_ops::config_file;
use countersign_ops::exit::Exit;
use countersign_site::Site;

use crate::cli::Failed;

/// What the `countersign.toml` at `path` describes.
pub(crate) fn site(path: &Path) -> Result<Site, Failed> {
    let site = Site::of_file(path, config_file::read(path));
    site.map_err(|error| Failed::new(Exit::Usage, error))
}
