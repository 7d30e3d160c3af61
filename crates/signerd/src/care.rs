//! What looks after the running daemon: readiness, watchdog, reload and the control socket.

use std::sync::Arc;
use std::time::Duration;

use countersign_node::CallbackQueue;
use countersign_ops::control::ControlSocket;
use countersign_ops::notify::Notifier;
use countersign_ops::signals::Hangups;
use countersign_ops::supervise::Tasks;
use countersign_ops::watchdog::{Pulse, Pulses, watch_over};
use countersign_status::Server;
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::assemble::spawn;
use crate::attendance::Misses;
use crate::backup::Copier;
use crate::config::Config;
use crate::control::{Control, identity};
use crate::keys::PublicKeys;
use crate::metrics::Metrics;
use crate::nodes::Nodes;
use crate::pages::SignerPages;
use crate::readiness::{Facts, Permission, Readiness, Watcher};
use crate::reload::{Adjustable, ReloadHandle, Reloader};
use crate::run::Surroundings;
use crate::sign::VaultHandle;
use crate::status::{Reporter, Status, Teller, Window};

/// Everything that looks after the daemon, before it runs.
pub(crate) struct Care {
    metrics: Arc<Metrics>,
    notifier: Arc<Notifier>,
    hangups: Hangups,
    readiness: Readiness,
    reloader: Reloader,
    reload: ReloadHandle,
    identity: Value,
    tick: watch::Receiver<Duration>,
    stuck: watch::Sender<Option<&'static str>>,
    status: Status,
    /// How long a lost instance is waited for.
    floor: Duration,
}

/// What the loop has of it.
pub(crate) struct Loop {
    /// Hears what the loop hears.
    pub(crate) watcher: Watcher,
    /// Tells those who look.
    pub(crate) teller: Teller,
    /// The loop's pulse.
    pub(crate) signer: Pulse,
    /// The loop's tick.
    pub(crate) tick: watch::Receiver<Duration>,
    /// The latest blocks that we missed, for those who ask.
    pub(crate) misses: watch::Sender<Misses>,
}

/// What is not started before there is a vault's thread.
pub(crate) struct Hands {
    watcher: Watcher,
    signer: Pulse,
    tick: watch::Receiver<Duration>,
    notifier: Arc<Notifier>,
    stuck: watch::Sender<Option<&'static str>>,
    desk: Desk,
    teller: Teller,
    reporter: Reporter,
    page: Option<Server>,
}

/// What answers on the control socket, but for the vault.
struct Desk {
    socket: Option<ControlSocket>,
    identity: Value,
    readiness: Readiness,
    window: Window,
    reload: ReloadHandle,
    floor: Duration,
}

/// Where the daemon can be looked at and told what to do.
pub(crate) struct Fronts {
    /// Takes commands.
    pub(crate) socket: Option<ControlSocket>,
    /// Shows the page.
    pub(crate) page: Option<Server>,
}

impl Hands {
    /// Starts the watchdog over the loop and the vault's thread, and takes commands from now on.
    pub(crate) fn watch_over(
        self,
        tasks: &mut Tasks,
        (vault, store): (&VaultHandle, Copier),
        stop: &CancellationToken,
    ) -> Loop {
        let pulses = Pulses::new([self.signer.clone(), vault.pulse()]);
        let notifier = Arc::clone(&self.notifier);
        spawn(tasks, "watchdog", watch_over(pulses, notifier, self.stuck, stop.clone()));
        let misses = watch::Sender::new(Misses::new());
        let Desk { socket, identity, readiness, window, reload, floor } = self.desk;
        if let Err(error) =
            self.reporter.start((vault.instance(), misses.subscribe()), self.page, stop.clone())
        {
            tracing::error!(%error, "there is no status page; nothing else depends on it");
        }
        if let Some(socket) = socket {
            let (vault, misses) = (vault.clone(), misses.subscribe());
            let control =
                Control { identity, readiness, window, reload, vault, store, floor, misses };
            spawn(tasks, "control", socket.run(control, stop.clone()));
        }
        let (watcher, teller, signer, tick) = (self.watcher, self.teller, self.signer, self.tick);
        Loop { watcher, teller, signer, tick, misses }
    }
}

impl Care {
    /// For the signer of this configuration.
    pub(crate) fn of(
        (config, keys): (&Config, &PublicKeys),
        surroundings: Surroundings,
        nodes: &Nodes,
        (metrics, callbacks): (&Arc<Metrics>, &CallbackQueue),
        permission: watch::Sender<Permission>,
    ) -> Self {
        let Surroundings { config_file, inherited: _, notifier, hangups, log, usual_log } =
            surroundings;
        let has_journal = !config.is_dry_run && config.db_path.journal().is_some();
        let facts = Facts::new(config.chain_id, has_journal);
        let (tick, ticks) = watch::channel(config.event_timeout);
        let adjustable = Adjustable { tick, nodes: nodes.clone(), log, usual_log };
        let (reloader, reload) = Reloader::new(config_file, config.outline.clone(), adjustable);
        let readiness = Readiness::new(facts, permission);
        let stuck = watch::Sender::new(None);
        let status =
            Status::new((config, keys), readiness.clone(), stuck.subscribe(), callbacks.clone());
        Self {
            metrics: Arc::clone(metrics),
            notifier: Arc::new(notifier),
            hangups,
            readiness,
            reloader,
            reload,
            identity: identity(config, keys),
            tick: ticks,
            stuck,
            status,
            floor: config.caution.floor,
        }
    }

    /// The metrics endpoint's pages.
    pub(crate) fn pages(
        &self,
        registry: Registry,
        signer: (&Config, &PublicKeys),
        nodes: Nodes,
    ) -> SignerPages {
        let stuck = self.stuck.subscribe();
        SignerPages::new(registry, signer, nodes, self.readiness.clone(), stuck)
    }

    /// Starts its tasks. The service manager hears that the start is done once they run: endpoints are
    /// bound then, and key and journal are good. It does not wait for the node, which may be down for
    /// hours: a start that takes so long would count as failed, and the signer would be killed.
    pub(crate) fn start(
        self,
        tasks: &mut Tasks,
        Fronts { socket, page }: Fronts,
        stop: &CancellationToken,
    ) -> Hands {
        let Status { teller, reporter, window } = self.status;
        let hands = Hands {
            watcher: self.readiness.watcher(),
            signer: Pulse::new("the deciding loop"),
            tick: self.tick,
            notifier: Arc::clone(&self.notifier),
            stuck: self.stuck,
            desk: Desk {
                socket,
                identity: self.identity,
                readiness: self.readiness.clone(),
                window,
                reload: self.reload,
                floor: self.floor,
            },
            teller,
            reporter,
            page,
        };
        let (readiness, notifier) = (self.readiness.clone(), Arc::clone(&self.notifier));
        let announce = readiness.announce(notifier, self.metrics, stop.clone());
        spawn(tasks, "readiness", announce);
        let notifier = Arc::clone(&self.notifier);
        spawn(tasks, "reload", self.reloader.run(self.hangups, notifier, stop.clone()));
        spawn(tasks, "notify", tell_manager(self.notifier, stop.clone()));
        hands
    }
}

/// Says that the start is done, and later that the end has begun.
async fn tell_manager(notifier: Arc<Notifier>, stop: CancellationToken) {
    notifier.ready();
    stop.cancelled().await;
    notifier.stopping();
}
