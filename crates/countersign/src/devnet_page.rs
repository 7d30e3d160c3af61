//! The page of a devnet: every signer side by side, in a browser.

use std::io;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use countersign_devnet::{DevnetEvent, SignerPlace};
use countersign_ops::exit::Exit;
use countersign_status::{BindError, Gather, Place, Server};
use tokio_util::sync::CancellationToken;

use crate::cli::Failed;

/// Where the page is, and whether a browser is to be started.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct PageArgs {
    /// Show the whole network on a page at this loopback address; a free port by default
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    page: SocketAddr,
    /// Open the page in a browser, if there is one
    #[arg(long)]
    open: bool,
}

/// The page, bound and not served yet.
#[derive(Debug)]
pub(crate) struct NetworkPage {
    server: Option<Server>,
    url: String,
    is_opened: bool,
}

impl NetworkPage {
    /// Binds the page.
    pub(crate) fn bind(args: PageArgs) -> Result<Self, Failed> {
        let server = Server::bind(args.page).map_err(|error| match error {
            BindError::NotLoopback(_) => Failed::argument(error),
            BindError::Io(..) => Failed::new(Exit::Bind, error),
        })?;
        let url = format!("http://{}/", server.local_addr());
        Ok(Self { server: Some(server), url, is_opened: args.open })
    }

    /// Serves the page once it is known who is in the network, and says where it is.
    pub(crate) fn hear(
        &mut self,
        event: &DevnetEvent,
        stop: &CancellationToken,
    ) -> Option<DevnetEvent> {
        let DevnetEvent::Started { signers, .. } = event else { return None };
        let server = self.server.take()?;
        let (gather, feed) = Gather::new(signers.iter().map(place).collect());
        tokio::spawn(gather.run(stop.clone()));
        tokio::spawn(server.run(feed, stop.clone()));
        let is_opened = self.is_opened && open(&self.url).is_ok();
        Some(DevnetEvent::Page { url: self.url.clone(), is_opened })
    }
}

fn place(signer: &SignerPlace) -> Place {
    Place {
        name: format!("signer {}", signer.signer),
        program: signer.program.display().to_string(),
        page: signer.page.as_ref().and_then(|page| page.parse().ok()),
    }
}

/// Hands the address to the desktop. A machine without one has no such program.
fn open(url: &str) -> io::Result<()> {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = Stdio::null;
    Command::new(program).arg(url).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn().map(drop)
}
