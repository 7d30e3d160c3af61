//! Several signers on one page: each is asked for its snapshot, and the answers are put side by side.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::snapshot::{Outcome, SCHEMA, Snapshot, Stance, State, VoteKind};

/// A signer of the network.
#[derive(Clone, Debug)]
pub struct Place {
    /// What people call it.
    pub name: String,
    /// What runs as it.
    pub program: String,
    /// Where its page is; none for a program that has none.
    pub page: Option<SocketAddr>,
}

/// All signers of a network at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When this was put together, in milliseconds since 1970.
    pub made_at: u64,
    /// The signers, in their order.
    pub members: Vec<Member>,
    /// The snapshot of the signer that is furthest ahead, which shows what all have in common; null while
    /// none answers.
    pub foremost: Option<Box<Snapshot>>,
}

/// One signer of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// What people call it.
    pub name: String,
    /// What runs as it.
    pub program: String,
    /// Its own page, `http://…/`; null for a program that has none.
    pub page: Option<String>,
    /// What it says of itself; null if it does not answer.
    pub said: Option<Said>,
    /// Why nothing is known of it.
    pub error: Option<String>,
}

/// The part of a snapshot that a row of the page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Its address.
    pub address: String,
    /// Name and version of its program.
    pub version: String,
    /// Whether it signs.
    pub state: State,
    /// Whether all that it lacks is a seat in the running cycle: nobody waits for it.
    #[serde(default)]
    pub sits_out: bool,
    /// The same in one sentence.
    pub headline: String,
    /// Height of its node's burn tip.
    pub burn_height: Option<u64>,
    /// Height of its node's Stacks tip.
    pub stacks_height: Option<u64>,
    /// Its weight in the running cycle.
    pub weight: Option<u64>,
    /// The median time from a proposal to its answer, in milliseconds.
    pub p50_ms: Option<u64>,
    /// 99 of 100 answers took at most this long, in milliseconds.
    pub p99_ms: Option<u64>,
    /// The names of its alerts.
    pub alerts: Vec<String>,
    /// What it said to the last blocks, newest first.
    pub marks: Vec<Mark>,
}

/// What a signer said to one block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The block's height.
    pub height: Option<u64>,
    /// What it said.
    pub ours: Stance,
    /// What became of the block.
    pub outcome: Outcome,
}

impl Said {
    fn of(snapshot: &Snapshot) -> Self {
        let cycle = snapshot.cycle.as_ref().map(|cycle| cycle.number);
        let seat = snapshot.seats.iter().find(|seat| Some(seat.cycle) == cycle);
        let response = snapshot.latencies.iter().find(|latency| latency.name == "response");
        let marks = snapshot.blocks.iter().map(|block| Mark {
            height: block.height,
            ours: block.ours,
            outcome: block.outcome,
        });
        let missing = snapshot.ladder.iter().find(|rung| !rung.holds);
        let has_no_seat =
            missing.is_some_and(|rung| rung.rung == "registered" && rung.code == "no_slot");
        Self {
            address: snapshot.signer.address.clone(),
            version: snapshot.signer.version.clone(),
            state: snapshot.state,
            sits_out: has_no_seat && snapshot.state == State::NotSigning,
            headline: snapshot.headline.clone(),
            burn_height: snapshot.chain.burn_height,
            stacks_height: snapshot.chain.stacks_height,
            weight: seat.and_then(|seat| seat.weight),
            p50_ms: response.and_then(|response| response.p50_ms),
            p99_ms: response.and_then(|response| response.p99_ms),
            alerts: snapshot.alerts.iter().map(|alert| alert.name.clone()).collect(),
            marks: marks.collect(),
        }
    }
}

/// Asks every signer of a network, again and again.
#[derive(Debug)]
pub struct Gather {
    places: Vec<Place>,
    feed: watch::Sender<Bytes>,
}

impl Gather {
    /// For these signers. Also gives what [`Server::run`](crate::Server::run) shows.
    pub fn new(places: Vec<Place>) -> (Self, watch::Receiver<Bytes>) {
        let nobody = places.iter().map(|place| place.member(Err("not asked yet".to_owned())));
        let network = Network {
            schema: SCHEMA,
            made_at: now_ms(),
            members: nobody.collect(),
            foremost: None,
        };
        let (feed, receiver) = watch::channel(json(&network));
        (Self { places, feed }, receiver)
    }

    /// Asks twice a second until `stop` is cancelled.
    pub async fn run(self, stop: CancellationToken) {
        let mut ticks = interval(ASK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            self.feed.send_replace(json(&self.look().await));
        }
    }

    async fn look(&self) -> Network {
        let mut asked = JoinSet::new();
        for (index, place) in self.places.iter().enumerate() {
            if let Some(page) = place.page {
                asked.spawn(async move { (index, snapshot_of(page).await) });
            }
        }
        let mut answers = vec![None; self.places.len()];
        while let Some(answer) = asked.join_next().await {
            if let Ok((index, answer)) = answer
                && let Some(slot) = answers.get_mut(index)
            {
                *slot = Some(answer);
            }
        }
        let rank = |snapshot: &Snapshot| {
            (snapshot.state == State::Signing, snapshot.chain.stacks_height, snapshot.totals.signed)
        };
        let snapshots = answers.iter().flatten().filter_map(|answer| answer.as_ref().ok());
        // The first of those that are as far ahead, so that the page does not hop from one to another.
        let foremost = snapshots.rev().max_by_key(|snapshot| rank(snapshot)).cloned();
        let members = self.places.iter().zip(answers).map(|(place, answer)| {
            place.member(answer.unwrap_or_else(|| Err("this program has no page".to_owned())))
        });
        Network {
            schema: SCHEMA,
            made_at: now_ms(),
            members: members.collect(),
            foremost: foremost.map(Box::new),
        }
    }
}

impl Place {
    fn member(&self, answer: Result<Snapshot, String>) -> Member {
        let (said, error) = match answer {
            Ok(snapshot) => (Some(Said::of(&snapshot)), None),
            Err(error) => (None, Some(error)),
        };
        let page = self.page.map(|page| format!("http://{page}/"));
        Member { name: self.name.clone(), program: self.program.clone(), page, said, error }
    }
}

impl Network {
    /// How many signers signed the newest accepted block that the foremost one knows of.
    pub fn signers_of_last_block(&self) -> usize {
        let blocks = self.foremost.iter().flat_map(|snapshot| &snapshot.blocks);
        let mut accepted = blocks.filter(|block| block.outcome == Outcome::Accepted);
        let votes = accepted.next().map(|block| block.votes.iter());
        votes.into_iter().flatten().filter(|vote| vote.kind == VoteKind::Signed).count()
    }
}

/// What a signer's page says, or why it says nothing, in words.
async fn snapshot_of(page: SocketAddr) -> Result<Snapshot, String> {
    match timeout(PATIENCE, ask(page)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("no answer for {} s", PATIENCE.as_secs())),
    }
}

async fn ask(page: SocketAddr) -> Result<Snapshot, String> {
    let silent = |error: std::io::Error| format!("does not answer: {error}");
    let broken = |error: hyper::Error| format!("the answer breaks off: {error}");
    let stream = TcpStream::connect(page).await.map_err(silent)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = Request::get("/status.json").header(HOST, page.to_string());
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| error.to_string())?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        if answer.status() != StatusCode::OK {
            return Err(format!("answers {}", answer.status()));
        }
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
        let body = body.map_err(|error| format!("the answer cannot be read: {error}"))?.to_bytes();
        serde_json::from_slice(&body).map_err(|error| format!("the answer is no snapshot: {error}"))
    };
    tokio::select! {
        answer = answer => answer,
        ended = connection => Err(match ended {
            Ok(()) => "the answer breaks off".to_owned(),
            Err(error) => broken(error),
        }),
    }
}

fn json(network: &Network) -> Bytes {
    Bytes::from(serde_json::to_vec(network).expect("texts and numbers are written without fail"))
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// How often each signer is asked.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// More than any snapshot has.
const MAX_BYTES: usize = 4 * 1024 * 1024;
