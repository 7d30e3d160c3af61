//! The picture of a snapshot in a terminal: readable without colour, in 40 columns and in 200.

use std::fmt::Write as _;

use crate::snapshot::{Block, Outcome, Severity, Snapshot, Stance, State, View, VoteKind};

/// What is drawn on.
#[derive(Clone, Copy, Debug)]
pub struct Canvas {
    /// Columns; fewer than 40 count as 40.
    pub width: usize,
    /// Whether colours may be used.
    pub in_colour: bool,
    /// The time, in milliseconds since 1970.
    pub now: u64,
    /// How many blocks and peers are listed at most.
    pub rows: usize,
}

/// The whole picture.
pub fn draw(snapshot: &Snapshot, canvas: Canvas) -> String {
    let mut page =
        Sheet { text: String::new(), canvas: Canvas { width: canvas.width.max(40), ..canvas } };
    page.head(snapshot);
    page.ladder(snapshot);
    page.alerts(snapshot);
    page.chain(snapshot);
    page.blocks(snapshot);
    page.latencies(snapshot);
    page.peers(snapshot);
    page.queues(snapshot);
    page.text
}

/// The lines so far.
struct Sheet {
    text: String,
    canvas: Canvas,
}

impl Sheet {
    fn head(&mut self, snapshot: &Snapshot) {
        let (mark, colour) = match snapshot.state {
            State::Signing => ("●", GREEN),
            State::Waiting | State::Standby | State::DryRun => ("○", BLUE),
            State::NotSigning | State::Stuck => ("✘", RED),
        };
        let words = format!("{mark} {}", snapshot.state.words().to_uppercase());
        let words = self.paint(&words, colour);
        self.line(&words);
        self.wrapped("  ", &snapshot.headline);
        if let Some(remedy) = &snapshot.remedy {
            self.wrapped("  ", &format!("What to do: {remedy}."));
        }
        let signer = &snapshot.signer;
        let up = age(self.canvas.now.saturating_sub(signer.started_at) / 1000);
        self.wrapped("  ", &format!("{} on {}", signer.address, signer.network));
        self.wrapped("  ", &format!("{}, process {}, up {up}", signer.version, signer.pid));
        if let Some(instance) = &snapshot.instance
            && instance.state != "active"
        {
            let left = instance.left_secs.map(|left| format!(" ({left} s left)"));
            let text = format!("Instance: {}{}", instance.text, left.unwrap_or_default());
            self.wrapped("  ", &text);
        }
    }

    fn ladder(&mut self, snapshot: &Snapshot) {
        self.title("Readiness");
        let missing = snapshot.ladder.iter().position(|rung| !rung.holds);
        for (place, rung) in snapshot.ladder.iter().enumerate() {
            let mark = match (rung.holds, missing == Some(place)) {
                (true, _) => self.paint("✔", GREEN),
                (false, true) => self.paint("✘", RED),
                (false, false) => self.paint("·", GREY),
            };
            let age = age((self.canvas.now / 1000).saturating_sub(rung.since));
            let start = format!("  {mark} {:<15} {age:>7}  ", rung.rung);
            self.hanging(&start, 29, &rung.text);
        }
    }

    fn alerts(&mut self, snapshot: &Snapshot) {
        if snapshot.alerts.is_empty() {
            return;
        }
        self.title("Alerts");
        for alert in &snapshot.alerts {
            let (word, colour) = match alert.severity {
                Severity::Critical => ("critical", RED),
                Severity::Warning => ("warning", YELLOW),
                Severity::Info => ("info", BLUE),
            };
            let age = age(self.canvas.now.saturating_sub(alert.since) / 1000);
            let start = self.paint(&format!("{word:<8}"), colour);
            self.line(&format!("  {start}  {} for {age}", alert.name));
            self.wrapped("            ", &alert.text);
            if let Some(remedy) = &alert.remedy {
                self.wrapped("            ", &format!("→ {remedy}"));
            }
        }
    }

    fn chain(&mut self, snapshot: &Snapshot) {
        self.title("Chain");
        let number = |height: Option<u64>| height.map_or_else(|| "–".to_owned(), |h| h.to_string());
        let chain = &snapshot.chain;
        let seen = chain.burn_seen_at.map(|at| self.ago(at)).unwrap_or_default();
        self.wrapped("  ", &format!("Burn block {}{seen}", number(chain.burn_height)));
        self.wrapped("  ", &format!("Stacks block {}", number(chain.stacks_height)));
        if let Some(tenure) = &snapshot.tenure {
            let id = tenure.id.as_deref().map_or("no valid miner", short);
            let agree = share(tenure.agreeing_weight, tenure.total_weight);
            let text = format!(
                "Tenure {id} since {}, {} blocks; {agree} of the weight sees the chain as we do",
                age(self.canvas.now.saturating_sub(tenure.since) / 1000),
                tenure.blocks,
            );
            self.wrapped("  ", &text);
        }
        if let Some(cycle) = &snapshot.cycle {
            let bar = self.bar(cycle.position, cycle.length, 20);
            self.line(&format!(
                "  Cycle {} {bar} {}/{}",
                cycle.number, cycle.position, cycle.length
            ));
            let time = |blocks: u64| span(blocks.saturating_mul(cycle.burn_block_secs));
            let prepare = if cycle.in_prepare_phase {
                "Prepare phase: the next signers are being chosen".to_owned()
            } else {
                let left = cycle.blocks_to_prepare;
                format!("Prepare phase in {left} blocks, about {}", time(left))
            };
            self.wrapped("  ", &prepare);
            let left = cycle.blocks_to_next;
            let text = format!("Cycle {} in {left} blocks, about {}", cycle.number + 1, time(left));
            self.wrapped("  ", &text);
        }
        for seat in &snapshot.seats {
            let text = if let (Some(slot), Some(weight), Some(total)) =
                (seat.slot, seat.weight, seat.total)
            {
                let cycle = seat.cycle;
                format!("Registered for cycle {cycle} as signer {slot}, weight {weight} of {total}")
            } else {
                let reason = seat.reason.as_deref().unwrap_or("reason not known");
                format!("No seat in cycle {}: {reason}", seat.cycle)
            };
            self.wrapped("  ", &text);
        }
    }

    fn blocks(&mut self, snapshot: &Snapshot) {
        self.title("Last blocks");
        if snapshot.blocks.is_empty() {
            self.line("  none since the start");
        }
        for block in snapshot.blocks.iter().take(self.canvas.rows) {
            self.block(block);
        }
        let totals = &snapshot.totals;
        let text = format!(
            "Since the start: {} proposed, {} signed, {} rejected, {} accepted without our signature in time",
            totals.proposed, totals.signed, totals.rejected, totals.missed
        );
        self.wrapped("  ", &text);
    }

    fn block(&mut self, block: &Block) {
        let height =
            block.height.map_or_else(|| short(&block.sighash).to_owned(), |h| h.to_string());
        let (mark, said) = match (block.ours, block.outcome) {
            (Stance::Signed, _) => (self.paint("●", GREEN), "signed"),
            (Stance::Rejected, _) => (self.paint("✘", RED), "rejected"),
            (_, Outcome::Accepted) => (self.paint("○", YELLOW), "missed"),
            (Stance::PreCommitted, _) => (self.paint("·", GREY), "promised"),
            (Stance::Silent, _) => (self.paint("·", GREY), "silent"),
        };
        let outcome = match block.outcome {
            Outcome::Pending => "undecided",
            Outcome::Accepted => "accepted",
            Outcome::Rejected => "refused",
        };
        let took = block
            .proposed_at
            .zip(block.answered_at)
            .map(|(from, to)| format!("{} ms", to.saturating_sub(from)));
        let took = took.unwrap_or_else(|| "–".to_owned());
        let is_narrow = self.canvas.width < MEDIUM;
        let (digits, cells) = if is_narrow { (7, 6) } else { (9, 10) };
        let bar = self.bar(block.signed_weight, block.total_weight, cells);
        let share = share(block.signed_weight, block.total_weight);
        let mut text = format!("  {mark} {height:>digits$} {said:<8} {took:>8} {bar} {share:>5}");
        if self.canvas.width >= WIDE {
            let age = age(self.canvas.now.saturating_sub(block.seen_at) / 1000);
            let count = block.votes.iter().filter(|vote| vote.kind == VoteKind::Signed).count();
            write!(text, "  {count:>3} signers  {outcome:<9}  {age:>7} ago").expect(INTO_STRING);
        }
        self.line(&text);
        if let Some(reason) = &block.reason {
            self.wrapped("      ", reason);
        }
    }

    fn latencies(&mut self, snapshot: &Snapshot) {
        if snapshot.latencies.iter().all(|latency| latency.count == 0) {
            return;
        }
        self.title("Last hour");
        for latency in snapshot.latencies.iter().filter(|latency| latency.count > 0) {
            let ms = |value: Option<u64>| value.map_or_else(|| "–".to_owned(), millis);
            let (p50, p99) = (ms(latency.p50_ms), ms(latency.p99_ms));
            let mut text = format!("  {:<11} p50 {p50:>7}  p99 {p99:>7}", latency.name);
            if self.canvas.width >= WIDE {
                write!(text, "  {}", sparkline(&latency.recent_ms, 30)).expect(INTO_STRING);
            }
            self.line(&text);
        }
    }

    fn peers(&mut self, snapshot: &Snapshot) {
        if snapshot.peers.is_empty() {
            return;
        }
        self.title("Signers of the cycle");
        let total: u64 = snapshot.peers.iter().map(|peer| peer.weight).sum();
        let mut peers: Vec<_> = snapshot.peers.iter().collect();
        peers.sort_by_key(|peer| (!peer.is_us, std::cmp::Reverse(peer.weight), peer.slot));
        for peer in peers.iter().take(self.canvas.rows) {
            let view = match peer.view {
                View::Same => "same view",
                View::Behind => "behind",
                View::Ahead => "ahead",
                View::Other => "other view",
                View::Unknown => "no view",
            };
            let who = if peer.is_us { "this signer" } else { short(&peer.address) };
            let heard = match (peer.is_us, peer.heard_at) {
                (true, _) => String::new(),
                (false, Some(at)) => self.ago(at).trim_start_matches(", ").to_owned(),
                (false, None) => "never heard".to_owned(),
            };
            let share = share(peer.weight, total);
            let mut text = format!("  {:>3} {who:<11} {share:>5} {view:<10}", peer.slot);
            if self.canvas.width >= WIDE {
                let version: String = peer
                    .version
                    .as_deref()
                    .unwrap_or("–")
                    .chars()
                    .map(printable)
                    .take(28)
                    .collect();
                write!(text, " {:>2}/{:<2} signed  {heard:<12} {version}", peer.signed, peer.of)
                    .expect(INTO_STRING);
            }
            self.line(text.trim_end());
        }
        let hidden = peers.len().saturating_sub(self.canvas.rows) + snapshot.peers_left_out;
        if hidden > 0 {
            self.line(&format!("  and {hidden} more"));
        }
    }

    fn queues(&mut self, snapshot: &Snapshot) {
        self.title("Queues");
        let queues = &snapshot.queues;
        let quiet = queues
            .callback_quiet_secs
            .map_or_else(|| "none came yet".to_owned(), |secs| format!("last {} ago", age(secs)));
        let text = format!(
            "Callbacks: {} waiting, {} dropped, {quiet}",
            queues.callbacks_waiting, queues.callbacks_dropped
        );
        self.wrapped("  ", &text);
        let oldest = queues.validation_age_ms.map(|age| format!(", the oldest {}", millis(age)));
        let text =
            format!("Validations: {} waiting{}", queues.validations, oldest.unwrap_or_default());
        self.wrapped("  ", &text);
    }

    fn title(&mut self, title: &str) {
        let title = self.paint(title, BOLD);
        self.line("");
        self.line(&title);
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Text of any length below an indentation.
    fn wrapped(&mut self, indent: &str, text: &str) {
        self.hanging(indent, indent.chars().count(), text);
    }

    /// Text of any length that begins after `start`, which is `indent` columns wide.
    fn hanging(&mut self, start: &str, indent: usize, text: &str) {
        let room = self.canvas.width.saturating_sub(indent);
        // Where nothing fits beside the start, the text goes below it.
        let (mut line, indent) = if room < 24 {
            self.line(start);
            (" ".repeat(6), 6)
        } else {
            (start.to_owned(), indent)
        };
        let mut column = indent;
        for word in text.split_whitespace() {
            let len = word.chars().count();
            if column > indent && column + 1 + len > self.canvas.width {
                self.line(&line);
                line = " ".repeat(indent);
                column = indent;
            }
            if column > indent {
                line.push(' ');
                column += 1;
            }
            line.extend(word.chars().map(printable));
            column += len;
        }
        self.line(&line);
    }

    fn ago(&self, at: u64) -> String {
        format!(", {} ago", age(self.canvas.now.saturating_sub(at) / 1000))
    }

    fn bar(&self, part: u64, whole: u64, width: u64) -> String {
        let filled = (part.min(whole) * width).checked_div(whole).unwrap_or(0);
        let cells = (0..width).map(|cell| if cell < filled { '█' } else { '░' });
        let bar: String = cells.collect();
        self.paint(&bar, BLUE)
    }

    fn paint(&self, text: &str, colour: &str) -> String {
        if self.canvas.in_colour {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// What others have said may hold anything; a terminal must not act on it.
fn printable(char: char) -> char {
    if char.is_control() { '\u{fffd}' } else { char }
}

/// How long ago, in the largest unit that shows two digits at most.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A span of time in at most two units.
fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

fn millis(ms: u64) -> String {
    if ms < 10_000 { format!("{ms} ms") } else { format!("{} s", ms / 1000) }
}

fn share(part: u64, whole: u64) -> String {
    let percent = part.saturating_mul(100).checked_div(whole);
    percent.map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"))
}

fn short(hash: &str) -> &str {
    hash.get(..10).unwrap_or(hash)
}

/// The last measurements as a line of `count` columns at most.
fn sparkline(values: &[u64], count: usize) -> String {
    let shown = values.get(values.len().saturating_sub(count)..).unwrap_or(values);
    let top = shown.iter().copied().max().unwrap_or(0).max(1);
    let column = |value: &u64| {
        let step = usize::try_from(value.saturating_mul(7) / top).unwrap_or(7);
        STEPS.get(step).copied().unwrap_or('█')
    };
    shown.iter().map(column).collect()
}

const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const GREEN: &str = "32";
const RED: &str = "31";
const YELLOW: &str = "33";
const BLUE: &str = "36";
const GREY: &str = "90";
const BOLD: &str = "1";
/// Below this, a row has room for less.
const MEDIUM: usize = 56;
/// From here on a row has room for everything.
const WIDE: usize = 90;
const INTO_STRING: &str = "writing to a string cannot fail";
