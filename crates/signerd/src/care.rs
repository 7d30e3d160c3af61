//! What looks after the running daemon: readiness, watchdog, reload and the control socket.

use std::sync::Arc;
use std::time::Duration;

use countersign_ops::control::ControlSocket;
use countersign_ops::notify::Notifier;
use countersign_ops::signals::Hangups;
use countersign_ops::supervise::Tasks;
use countersign_ops::watchdog::{Pulse, Pulses, watch_over};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::assemble::spawn;
use crate::attendance::Misses;
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
    /// How long a lost instance is waited for.
    floor: Duration,
}

/// What the loop has of it.
pub(crate) struct Loop {
    /// Hears what the loop hears.
    pub(crate) watcher: Watcher,
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
}

/// What answers on the control socket, but for the vault.
struct Desk {
    socket: Option<ControlSocket>,
    identity: Value,
    readiness: Readiness,
    reload: ReloadHandle,
    floor: Duration,
}

impl Hands {
    /// Starts the watchdog over the loop and the vault's thread, and takes commands from now on.
    pub(crate) fn watch_over(
        self,
        tasks: &mut Tasks,
        vault: &VaultHandle,
        stop: &CancellationToken,
    ) -> Loop {
        let pulses = Pulses::new([self.signer.clone(), vault.pulse()]);
        let notifier = Arc::clone(&self.notifier);
        spawn(tasks, "watchdog", watch_over(pulses, notifier, self.stuck, stop.clone()));
        let misses = watch::Sender::new(Misses::new());
        let Desk { socket, identity, readiness, reload, floor } = self.desk;
        if let Some(socket) = socket {
            let (vault, told) = (vault.clone(), misses.subscribe());
            let control = Control { identity, readiness, reload, vault, floor, misses: told };
            spawn(tasks, "control", socket.run(control, stop.clone()));
        }
        Loop { watcher: self.watcher, signer: self.signer, tick: self.tick, misses }
    }
}

impl Care {
    /// For the signer of this configuration.
    pub(crate) fn of(
        (config, keys): (&Config, &PublicKeys),
        surroundings: Surroundings,
        nodes: &Nodes,
        metrics: &Arc<Metrics>,
        permission: watch::Sender<Permission>,
    ) -> Self {
        let Surroundings { config_file, inherited: _, notifier, hangups, log, usual_log } =
            surroundings;
        let has_journal = !config.is_dry_run && config.db_path.journal().is_some();
        let facts = Facts::new(config.chain_id, has_journal);
        let (tick, ticks) = watch::channel(config.event_timeout);
        let adjustable = Adjustable { tick, nodes: nodes.clone(), log, usual_log };
        let (reloader, reload) = Reloader::new(config_file, config.outline.clone(), adjustable);
        Self {
            metrics: Arc::clone(metrics),
            notifier: Arc::new(notifier),
            hangups,
            readiness: Readiness::new(facts, permission),
            reloader,
            reload,
            identity: identity(config, keys),
            tick: ticks,
            stuck: watch::Sender::new(None),
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
        socket: Option<ControlSocket>,
        stop: &CancellationToken,
    ) -> Hands {
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
                reload: self.reload,
                floor: self.floor,
            },
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
