//! Explaining a stream of lines, of which nobody knows how long they are.

use std::io::{self, BufRead, BufReader, Read, Write};

use serde::Serialize;

use super::{Corpus, Entry, Form, MAX_EXAMINED, Program, Severity};

/// How lines are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// One JSON object for each line that is shown.
    pub is_json: bool,
    /// Explain each line, and not only the first of its kind.
    pub is_every: bool,
    /// Show only lines that are known and matter so much.
    pub least: Option<Severity>,
    /// For a terminal: colours, and no control characters of the lines'.
    pub is_terminal: bool,
    /// Whose lines they are, if the lines do not say so.
    pub program: Option<Program>,
}

/// How often a line came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// What is known about it.
    pub entry: Entry,
    /// How often.
    pub count: u64,
}

/// Passes lines on, and says what those mean that it knows.
#[derive(Debug)]
pub struct Explainer<'a> {
    corpus: &'a Corpus,
    style: Style,
    counts: Vec<u64>,
    unknown: u64,
}

/// A line as JSON.
#[derive(Serialize)]
struct Explained<'a> {
    line: &'a str,
    /// How many bytes of the line are not shown.
    #[serde(skip_serializing_if = "is_none")]
    cut: u64,
    program: Option<Program>,
    known: Option<&'a Entry>,
    /// How often such a line came.
    #[serde(skip_serializing_if = "is_none")]
    count: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

impl<'a> Explainer<'a> {
    /// One that knows `corpus`.
    pub fn new(corpus: &'a Corpus, style: Style) -> Self {
        Self { corpus, style, counts: vec![0; corpus.entries().len()], unknown: 0 }
    }

    /// Goes on until `from` ends. What is shown of a line is written before the next one is waited for.
    ///
    /// # Errors
    /// What the operating system says about either side.
    pub fn run(&mut self, from: impl Read, to: &mut dyn Write) -> io::Result<()> {
        let mut from = BufReader::with_capacity(MAX_EXAMINED, from);
        let mut head = Vec::new();
        loop {
            head.clear();
            let ended = read_head(&mut from, &mut head)?;
            if head.is_empty() && ended == Ended::Input {
                return to.flush();
            }
            self.line(&head, ended, &mut from, to)?;
            if from.buffer().is_empty() {
                to.flush()?;
            }
        }
    }

    /// What came and how often, what matters most first.
    pub fn tallies(&self) -> Vec<Tally> {
        let counted = self.corpus.entries().iter().zip(&self.counts);
        let mut tallies: Vec<Tally> = counted
            .filter(|(_, count)| **count > 0)
            .map(|(entry, count)| Tally { entry: entry.clone(), count: *count })
            .collect();
        tallies.sort_by_key(|tally| std::cmp::Reverse((tally.entry.severity, tally.count)));
        tallies
    }

    /// How many lines nothing is known about.
    pub const fn unknown(&self) -> u64 {
        self.unknown
    }

    fn line(
        &mut self,
        head: &[u8],
        ended: Ended,
        from: &mut BufReader<impl Read>,
        to: &mut dyn Write,
    ) -> io::Result<()> {
        let mut form = Form::of(head);
        form.program = form.program.or(self.style.program);
        let known = self.corpus.find(&form);
        let mut count = 0;
        match known.and_then(|(index, _)| self.counts.get_mut(index)) {
            Some(counted) => {
                *counted += 1;
                count = *counted;
            }
            None => self.unknown += 1,
        }
        let known = known.map(|(_, entry)| entry);
        let is_shown = match (self.style.least, known) {
            (None, _) => true,
            (Some(least), Some(entry)) => entry.severity >= least,
            (Some(_), None) => false,
        };
        if !is_shown {
            return if ended == Ended::Nothing {
                pass(from, &mut io::sink()).map(drop)
            } else {
                Ok(())
            };
        }
        if self.style.is_json {
            let cut = if ended == Ended::Nothing { pass(from, &mut io::sink())? } else { 0 };
            let line = String::from_utf8_lossy(head);
            let explained = Explained { line: &line, cut, program: form.program, known, count };
            serde_json::to_writer(&mut *to, &explained)?;
            return to.write_all(b"\n");
        }
        self.text(head, known, to)?;
        if ended == Ended::Nothing {
            if self.style.is_terminal {
                let cut = pass(from, &mut io::sink())?;
                write!(to, "… and {cut} bytes more")?;
            } else {
                pass(from, to)?;
            }
        }
        to.write_all(b"\n")?;
        match known {
            Some(entry) if count == 1 || self.style.is_every => self.tell(entry, to),
            _ => Ok(()),
        }
    }

    /// The line, behind a mark that says how much it matters.
    fn text(&self, head: &[u8], known: Option<&Entry>, to: &mut dyn Write) -> io::Result<()> {
        let (mark, colour) = match known.map(|entry| entry.severity) {
            Some(Severity::Page) => ("✘ ", "31"),
            Some(Severity::Act) => ("! ", "33"),
            Some(Severity::Note) => ("· ", "36"),
            Some(Severity::Routine) | None => ("  ", "0"),
        };
        if !self.style.is_terminal {
            to.write_all(mark.as_bytes())?;
            return to.write_all(head);
        }
        let is_shown = |c: &char| !c.is_control() || *c == '\t';
        let text: String = String::from_utf8_lossy(head).chars().filter(is_shown).collect();
        write!(to, "\u{1b}[{colour}m{mark}{text}\u{1b}[0m")
    }

    fn tell(&self, entry: &Entry, to: &mut dyn Write) -> io::Result<()> {
        let (begin, end) =
            if self.style.is_terminal { ("\u{1b}[2m", "\u{1b}[0m") } else { ("", "") };
        writeln!(to, "    {begin}= {}{end}", entry.meaning)?;
        if let Some(action) = &entry.action {
            writeln!(to, "    {begin}> {action}{end}")?;
        }
        if let Some(page) = &entry.see {
            writeln!(to, "    {begin}> see {page}{end}")?;
        }
        Ok(())
    }
}

/// What ended the reading of a line's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// The line's end.
    Line,
    /// The end of the input.
    Input,
    /// Nothing: the line goes on.
    Nothing,
}

fn read_head(from: &mut impl BufRead, head: &mut Vec<u8>) -> io::Result<Ended> {
    from.by_ref().take(MAX_EXAMINED as u64).read_until(b'\n', head)?;
    if head.last() == Some(&b'\n') {
        head.pop();
        Ok(Ended::Line)
    } else if head.len() < MAX_EXAMINED {
        Ok(Ended::Input)
    } else {
        Ok(Ended::Nothing)
    }
}

/// Passes the rest of a line on, without its end; how long it is.
fn pass(from: &mut impl BufRead, to: &mut dyn Write) -> io::Result<u64> {
    let mut len = 0;
    loop {
        let part = match from.fill_buf() {
            Ok(part) => part,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = part.iter().position(|byte| *byte == b'\n');
        let taken = part.get(..end.unwrap_or(part.len())).unwrap_or_default();
        to.write_all(taken)?;
        let (count, is_over) = (taken.len(), part.is_empty() || end.is_some());
        len += count as u64;
        from.consume(count + usize::from(end.is_some()));
        if is_over {
            return Ok(len);
        }
    }
}
