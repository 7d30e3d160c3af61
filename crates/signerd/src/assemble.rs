//! The daemon's parts and how they are joined.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_node::{
    AuthPassword, CallbackQueue, ClientTls, Deadlines, NodeClient, NodeConfig,
    Observer as Stopwatch, QueueLimits, TlsSettings,
};
use countersign_ops::exit::Exit;
use countersign_ops::supervise::{Failure, Fatal, Tasks, supervise};
use countersign_signer::{Event, Params, Saved, Signer, Step};
use countersign_vault::SignError;
use countersign_wire::{ChainId, Network, PublicKey, SlotId, SlotVersion};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::attendance::{Attendance, Misses};
use crate::backup::Copier;
use crate::birth::Origin;
use crate::care::{Care, Fronts, Hands};
use crate::clock::{WallClock, now};
use crate::config::{Config, DbPath, HostPort};
use crate::control::open_control;
use crate::decisions::{DecisionLog, Limits, LogError};
use crate::drive::Drive;
use crate::effects::{Effects, Tasks as EffectTasks};
use crate::hand::{Hand, Holder};
use crate::health::NodeHealth;
use crate::history::{self, HistoryError};
use crate::import::{refuse_beside_another, take_over};
use crate::instance::{Book, Gate, Lookout, Warden, Why};
use crate::intake::Intake;
use crate::journals::Journals;
use crate::keys::Holders;
use crate::metrics::{Housekeeping, Metrics};
use crate::nodes::watch::NodeWatch;
use crate::nodes::{Node, Nodes};
use crate::observe::Observer;
use crate::onlookers::Onlookers;
use crate::pages::Follow;
use crate::peers::Peers;
use crate::publish::{Delivery, LaneTask, Publisher, lanes};
use crate::readiness::Permission;
use crate::recorder::{Recorder, Recording};
use crate::run::{Endpoints, RunError, Surroundings, tls_error};
use crate::sign::{Post, VaultEnd, VaultHandle, gate_of};
use crate::slots::{SlotReader, SlotReaderHandle};
use crate::store::Store;
use crate::upload::Uploader;
use crate::vaults::Vaults;

/// Opens what must be open and starts every task. The future ends when the daemon does.
pub(crate) fn assemble(
    config: Config,
    keys: Holders,
    endpoints: Endpoints,
    surroundings: Surroundings,
    stop: CancellationToken,
) -> Result<impl Future<Output = Result<(), Fatal>>, RunError> {
    let callbacks = CallbackQueue::new(QueueLimits::default());
    let (metrics, mut registry) = Metrics::new(callbacks.clone());
    registry.register_collector(Box::new(Housekeeping::of(&config)));
    let metrics = Arc::new(metrics);
    let nodes = nodes(&config, &metrics)?;
    let public = keys.public();
    let (params, address) = (config.params(public), config.address(&public.first));
    let permission = watch::Sender::new(Permission::Active);
    let heard = permission.subscribe();
    let own = public.all();
    let counted = (&metrics, &callbacks);
    let care = Care::of((&config, &public), surroundings, &nodes, counted, permission.clone());
    let pages = care.pages(registry, (&config, &public), nodes.clone());
    let (plan, terms, origin) = (Plan::of(&config), Terms::of(&config), Origin::of(&config));
    let keys_here = keys.held_here();
    let control_socket = config.control_socket();
    let (recording, decision_log) = (config.recording, config.decision_log);
    refuse_beside_another(&config.db_path)?;
    let mut vaults = open_vaults(keys, &origin)?;
    let mut store = open_store(&config.db_path)?;
    if !config.is_dry_run {
        join_history(&config.db_path, config.network, &mut vaults, &mut store)?;
    }
    let book = open_book(&terms, &store)?;
    let gate = terms.gate(&mut vaults, &book).map_err(RunError::Standing)?;
    let post = Post {
        warden: Warden::new(gate, book, Arc::clone(&metrics), permission),
        keys: if terms.is_dry_run { Vec::new() } else { keys_here },
        locks: endpoints.locks,
    };
    let decisions = open_decisions(&config.db_path, decision_log)?;
    let control_socket = open_control(control_socket, config.named_control_socket.is_some())?;

    let mut tasks = Tasks::new();
    tasks.spawn("listener", endpoints.listener.run(callbacks.clone(), stop.clone()));
    if let Some(server) = endpoints.metrics {
        spawn(&mut tasks, "metrics", server.run(pages, stop.clone()));
    }
    let fronts = Fronts { socket: control_socket, page: endpoints.page };
    let hands = care.start(&mut tasks, fronts, &stop);
    let watch =
        NodeWatch::new(nodes.clone(), config.chain_id, config.node_probe, Arc::clone(&metrics));
    spawn(&mut tasks, "nodes", watch.run(stop.clone()));
    let follow = Follow { nodes: nodes.clone(), address, keys: own, metrics: Arc::clone(&metrics) };
    spawn(&mut tasks, "gauges", follow.run(stop.clone()));
    let shared = Shared { nodes, metrics, callbacks, plan, permission: heard };
    let parts = Core { params, vaults, post, store, decisions, recording, hands };
    shared.start(&mut tasks, parts, &stop)?;
    Ok(supervise(tasks, stop))
}

/// What the configuration says to the parts below.
#[derive(Clone, Copy)]
struct Plan {
    network: Network,
    chain_id: ChainId,
    is_dry_run: bool,
}

impl Plan {
    const fn of(config: &Config) -> Self {
        Self { network: config.network, chain_id: config.chain_id, is_dry_run: config.is_dry_run }
    }
}

/// What decides, signs and remembers.
struct Core {
    params: Params,
    vaults: Vaults,
    post: Post,
    store: Store,
    decisions: DecisionLog,
    recording: Option<Recording>,
    hands: Hands,
}

/// What every part uses.
struct Shared {
    nodes: Nodes,
    metrics: Arc<Metrics>,
    callbacks: CallbackQueue,
    plan: Plan,
    permission: watch::Receiver<Permission>,
}

impl Shared {
    fn start(
        self,
        tasks: &mut Tasks,
        core: Core,
        stop: &CancellationToken,
    ) -> Result<(), RunError> {
        let Core { params, vaults, post, store, decisions, recording, hands } = core;
        let own: Vec<PublicKey> = std::iter::once(params.key).chain(params.next_key).collect();
        let (saved, account, floors) = (store.load()?, store.attendance()?, store.slot_versions()?);
        let (inbox, answers) = mpsc::channel(INBOX_LEN);
        let (publisher, arrivals) = Publisher::new();
        let told = (inbox.clone(), publisher.clone());
        let (vault, vault_end) = self.vault(vaults, post, told)?;
        let (backups, copies) = Copier::new();
        let hands = hands.watch_over(tasks, (&vault, backups), stop);
        let lanes = lanes(arrivals, &self.delivery(&vault, floors));
        let intake = self.intake(&vault, &own);
        let attendance = self.attendance(&own, &hands.misses).resume(account, &saved.records);
        let onlookers = Onlookers { attendance, peers: Peers::new(Arc::clone(&self.metrics)) };
        let (signer, recorder, first) = restore(params, saved, recording.as_ref());
        self.look_out(tasks, own, &vault, stop);
        let (slots, reader) = self.slots(&intake, &inbox);
        let (uploader, uploads) = Uploader::new(self.nodes.clone(), inbox);
        let drive = Drive {
            signer,
            store,
            decisions,
            recorder,
            effects: Effects {
                tasks: EffectTasks::new(&self.nodes, stop.clone()),
                nodes: self.nodes,
                chain_id: self.plan.chain_id,
                vault,
                publisher,
                slots,
                uploader,
            },
            observer: Observer::new(Arc::clone(&self.metrics)),
            onlookers,
            health: NodeHealth::default(),
            intake,
            callbacks: self.callbacks,
            inbox: answers,
            copies,
            metrics: self.metrics,
            readiness: hands.watcher,
            teller: hands.teller,
            pulse: hands.signer,
            tick: hands.tick,
            wall_clock: WallClock::default(),
            woken: Instant::now(),
            tidied: Instant::now(),
        };
        tasks.spawn("signer", decide(drive, first, stop.clone()));
        tasks.spawn("vault", watch_vault(vault_end));
        spawn(tasks, "slots", reader.run(stop.clone()));
        spawn(tasks, "uploads", uploads.run(stop.clone()));
        spawn_lanes(tasks, lanes, stop);
        Ok(())
    }

    /// Starts the vault's thread, which answers and publishes.
    fn vault(
        &self,
        vaults: Vaults,
        post: Post,
        (inbox, publisher): (mpsc::Sender<Event>, Publisher),
    ) -> Result<(VaultHandle, VaultEnd), RunError> {
        let metrics = Arc::clone(&self.metrics);
        VaultHandle::start(vaults, post, inbox, publisher, metrics).map_err(RunError::Thread)
    }

    fn slots(
        &self,
        intake: &Intake,
        inbox: &mpsc::Sender<Event>,
    ) -> (SlotReaderHandle, SlotReader) {
        let (nodes, network) = (self.nodes.clone(), self.plan.network);
        SlotReader::new(nodes, network, intake.clone(), inbox.clone())
    }

    fn attendance(&self, own: &[PublicKey], misses: &watch::Sender<Misses>) -> Attendance {
        let (metrics, permission) = (Arc::clone(&self.metrics), self.permission.clone());
        Attendance::new(metrics, own.to_vec(), permission, now(), misses.clone())
    }

    /// Watches the own slots. A dry run writes nothing there.
    fn look_out(
        &self,
        tasks: &mut Tasks,
        own: Vec<PublicKey>,
        vault: &VaultHandle,
        stop: &CancellationToken,
    ) {
        if !self.plan.is_dry_run {
            let lookout = Lookout::new(self.nodes.clone(), own, vault.clone());
            spawn(tasks, "lookout", lookout.run(stop.clone()));
        }
    }

    /// A dry run writes nothing, so it has nothing to compare with.
    fn intake(&self, vault: &VaultHandle, own: &[PublicKey]) -> Intake {
        let intake = Intake::new(Arc::clone(&self.metrics));
        if self.plan.is_dry_run { intake } else { intake.watching(own.to_vec(), vault.clone()) }
    }

    fn delivery(&self, vault: &VaultHandle, floors: Vec<(SlotId, SlotVersion)>) -> Delivery {
        Delivery {
            nodes: self.nodes.clone(),
            vault: vault.clone(),
            floors: floors.into_iter().collect(),
            is_dry_run: self.plan.is_dry_run,
            metrics: Arc::clone(&self.metrics),
        }
    }
}

/// Decides until it is asked to stop, or until the store fails.
async fn decide(drive: Drive, first: Step, stop: CancellationToken) -> Result<(), Failure> {
    drive.run(first, stop).await.map_err(|error| Failure::new(Exit::Store, error))
}

/// The core as the store has kept it, and the recorder, which has heard its first step.
fn restore(
    params: Params,
    saved: Saved,
    recording: Option<&Recording>,
) -> (Signer, Recorder, Step) {
    let at = now();
    let mut recorder = Recorder::open(recording, &params, at);
    let heard = recorder.hear_start(at, &params, &saved);
    let (signer, first) = Signer::restore(params, saved, at);
    recorder.record(heard, &first);
    (signer, recorder, first)
}

/// A client for each node, and another for a glance at it.
fn nodes(config: &Config, metrics: &Arc<Metrics>) -> Result<Nodes, RunError> {
    let metrics = Arc::clone(metrics);
    let stopwatch: Stopwatch = Arc::new(move |path, took| {
        let histogram = metrics.rpc_latencies.get_or_create(&vec![("path", path)]);
        histogram.observe(took.as_secs_f64());
    });
    let patient = Deadlines { stackerdb: config.stackerdb_timeout, ..Deadlines::default() };
    let node = |host: &HostPort,
                tls: Option<&TlsSettings>,
                password: &AuthPassword|
     -> Result<Node, RunError> {
        let tls = tls.map(ClientTls::load).transpose();
        let client = NodeConfig {
            host: host.as_str().to_owned(),
            tls: tls.map_err(|source| tls_error("countersign.node_tls", source))?,
            auth_password: password.clone(),
            boot: config.network,
            deadlines: patient,
            observer: Some(Arc::clone(&stopwatch)),
        };
        let glance = NodeConfig { deadlines: GLANCE, observer: None, ..client.clone() };
        let (client, glance) = (NodeClient::new(client)?, NodeClient::new(glance)?);
        Ok(Node { host: host.to_string(), client, glance })
    };
    let fallbacks: Result<Vec<Node>, RunError> = config
        .fallback_nodes
        .iter()
        .map(|fallback| node(&fallback.host, fallback.tls.as_ref(), &fallback.auth_password))
        .collect();
    let preferred = node(&config.node_host, config.node_tls.as_ref(), &config.auth_password)?;
    Ok(Nodes::new(preferred, fallbacks?))
}

/// What a dry run signs leaves no journal, because nothing of it leaves the machine.
fn open_vaults(keys: Holders, origin: &Origin) -> Result<Vaults, RunError> {
    let public = keys.public();
    let journals = if origin.is_dry_run {
        None
    } else {
        Journals::find(&origin.db_path, &public.first, public.next.as_ref())?
    };
    if let Some(journals) = &journals {
        origin.check_init(journals)?;
    }
    let (first, next) = journals.map_or((None, None), |found| (Some(found.first), found.next));
    let first = open_vault(keys.first, first.as_deref(), origin)?;
    let next = keys.next.map(|key| open_vault(key, next.as_deref(), origin)).transpose()?;
    Ok(Vaults::new(first, next))
}

/// A vault in another process has a journal of its own, and its own word on how that begins.
fn open_vault(key: Holder, journal: Option<&Path>, origin: &Origin) -> Result<Hand, RunError> {
    let journal = match journal {
        Some(journal) if key.is_here() => Some((journal, origin.past(journal, &key.public_key())?)),
        _ => None,
    };
    Ok(key.open(journal)?)
}

/// What decides whether this instance signs at first.
struct Terms {
    book: Option<PathBuf>,
    listening: Duration,
    is_standby: bool,
    is_dry_run: bool,
}

impl Terms {
    fn of(config: &Config) -> Self {
        Self {
            book: if config.is_dry_run { None } else { config.db_path.book() },
            listening: config.caution.listening,
            is_standby: config.is_standby,
            is_dry_run: config.is_dry_run,
        }
    }

    /// The gate of a daemon that has just opened its vaults. After a clean stop one look at our slots is
    /// enough, if we know what we wrote into them.
    fn gate(&self, vaults: &mut Vaults, book: &Book) -> Result<Gate, SignError> {
        if self.is_dry_run {
            return Ok(Gate::Open);
        }
        let closed = gate_of(&vaults.standing()?);
        let waits = vaults.wait_for();
        Ok(match closed {
            Some(closed) => closed,
            None if self.is_standby => Gate::Standby,
            None if vaults.were_stopped_cleanly() && book.was_closed() => {
                Gate::listening(waits, Why::CleanStart)
            }
            None => Gate::listening(self.listening.max(waits), Why::Start),
        })
    }
}

/// What we wrote into our slots.
///
/// A blank book beside a store that was used is one that was lost, as when a store was restored from a backup: what
/// stands in our slots at first is then our own. Beside a store that was only imported it is a first start, and what is
/// above the imported versions is the other program's, which goes on. (A dry run hears, too: what the other program wrote
/// until the first start after one is taken for ours, and its next chunk freezes.)
fn open_book(terms: &Terms, store: &Store) -> Result<Book, RunError> {
    let mut book = match &terms.book {
        Some(path) => Book::open(path)?,
        None => Book::in_memory(),
    };
    if book.is_blank() && store.has_heard()? {
        book.fall_behind()?;
    }
    // What the program before this one wrote is not somebody else's.
    for (slot, version) in store.slot_versions()? {
        book.raise_base(slot, version)?;
    }
    Ok(book)
}

fn open_store(db_path: &DbPath) -> Result<Store, RunError> {
    Ok(match db_path.store() {
        Some(store) => Store::open(&store)?,
        None => Store::in_memory()?,
    })
}

/// Goes on where this signer, or the one before it, stopped, and nowhere else.
fn join_history(
    db_path: &DbPath,
    network: Network,
    vaults: &mut Vaults,
    store: &mut Store,
) -> Result<(), RunError> {
    let saved = store.load()?;
    vaults.all().try_for_each(|vault| history::check(vault, &saved))?;
    // Another program that was here signed with the key that signs until now.
    if let Some(report) = take_over(db_path, network, vaults.first(), store)? {
        if report.signed > 0 {
            vaults.first().end_wait().map_err(HistoryError::Journal)?;
        }
        tracing::warn!("taking the place of the signer that was here before\n{report}");
    }
    Ok(())
}

fn open_decisions(db_path: &DbPath, limits: Limits) -> Result<DecisionLog, LogError> {
    db_path
        .decisions()
        .map_or_else(|| Ok(DecisionLog::off()), |files| DecisionLog::open(files, limits))
}

fn spawn_lanes(tasks: &mut Tasks, lanes: [LaneTask; 3], stop: &CancellationToken) {
    for lane in lanes {
        let name = lane.name();
        spawn(tasks, name, lane.run(stop.clone()));
    }
}

/// Starts a task that cannot fail.
pub(crate) fn spawn(
    tasks: &mut Tasks,
    name: &'static str,
    task: impl Future<Output = ()> + Send + 'static,
) {
    tasks.spawn(name, async move {
        task.await;
        Ok::<(), Infallible>(())
    });
}

/// A journal that cannot be written ends the daemon, and so does a freeze that cannot be recorded.
async fn watch_vault(end: VaultEnd) -> Result<(), Failure> {
    match end.await {
        Ok(Err(error)) => Err(Failure::new(error.exit(), error)),
        // Every handle is gone, because every task that had one has ended.
        Ok(Ok(())) | Err(_) => Ok(()),
    }
}

/// A node that takes longer to say where it is counts as silent in this round.
const GLANCE: Deadlines = Deadlines {
    connect: Duration::from_secs(2),
    call: Duration::from_secs(4),
    stackerdb: Duration::from_secs(4),
};
/// How many answers may wait for the loop. Whoever brings one more waits.
const INBOX_LEN: usize = 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use countersign_signer::{Timestamp, Write};
    use countersign_vault::SigningKey;
    use countersign_wire::message::{MinerState, StateMachineUpdate, UpdateContent};
    use countersign_wire::{
        BurnHeight, ConsensusHash, PrivateKey, PublicKey, RewardCycle, SlotId, SlotVersion,
    };

    use super::*;
    use crate::hand::Holder;

    fn key(byte: u8) -> Holder {
        Holder::from(SigningKey::from(PrivateKey::from_bytes([byte; 32]).unwrap()))
    }

    fn public(byte: u8) -> PublicKey {
        key(byte).public_key()
    }

    /// A start with this book, long after versions of slots were imported.
    fn book_beside(store: &Store, book: &std::path::Path) -> Book {
        let terms = Terms {
            book: Some(book.to_owned()),
            listening: Duration::from_secs(30),
            is_standby: false,
            is_dry_run: false,
        };
        open_book(&terms, store).unwrap()
    }

    #[test]
    fn a_book_that_was_lost_takes_what_is_in_the_slots_for_its_own_whatever_was_imported_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::in_memory().unwrap();
        store.raise_slot_versions(&[(SlotId::new(3), SlotVersion::new(40))]).unwrap();
        // The first start after an import knows all that the other program wrote before.
        let first = book_beside(&store, &dir.path().join("first.book"));
        assert!(!first.is_blank() && !first.is_behind());
        let content = UpdateContent {
            burn_block: ConsensusHash::new([1; 20]),
            burn_height: BurnHeight::new(1),
            miner: MinerState::NoValidMiner,
            replay_transactions: Vec::new(),
        };
        let update = StateMachineUpdate { active_version: 1, supported_version: 1, content };
        let (cycle, from, at) = (RewardCycle::new(7), SlotId::new(1), Timestamp::from_secs(1));
        store.commit(&[Write::PeerUpdate { cycle, from, update, at }]).unwrap();
        let kept = book_beside(&store, &dir.path().join("first.book"));
        assert!(!kept.is_behind(), "a book that was kept knows its own chunks");
        assert!(book_beside(&store, &dir.path().join("lost.book")).is_behind());
    }

    #[test]
    fn a_dry_run_creates_no_journal() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("signer.sqlite");
        let db_path = DbPath::parse(path.to_str().unwrap().to_owned()).unwrap();
        let (usual, named) = (db_path.journal(), db_path.journal_of(&public(8)));
        let keys = || Holders { first: key(7), next: Some(key(8)) };
        let network = Network::Mocknet;
        let dry = Origin { db_path, network, is_dry_run: true, is_init: false, is_standby: false };
        drop(open_vaults(keys(), &dry).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        drop(open_vaults(keys(), &Origin { is_dry_run: false, ..dry }).unwrap());
        assert!(usual.unwrap().exists());
        assert!(named.unwrap().exists());
    }
}
