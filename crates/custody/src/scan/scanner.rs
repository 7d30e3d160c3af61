//! Searching one file, and all that is packed in it.

use std::ffi::OsStr;
use std::io::{self, BufReader, Cursor, Read};
use std::mem;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use lzma_rust2::XzReader;
use rawzip::{CompressionMethod, ZipArchive};

use super::budget::Budget;
use super::container::{HEAD, Kind, ZstdReader, tar};
use super::extract::{Cut, Extractor, Hit, is_text};
use super::form::Form;
use super::git::Repository;
use super::report::{Finding, Inside, Remedy, Report, Totals, Unread};
use super::source::Source;
use super::target::{Prober, Target};

/// Searches file after file. Everything in it is bounded, whatever the files hold.
pub(super) struct Scanner<'s> {
    extractor: Extractor<'s>,
    progress: &'s mut dyn FnMut(&Totals),
    pub(super) report: Report,
    /// The file that is searched.
    pub(super) file: PathBuf,
    /// What is told of it: the file, or the repository that it is part of; and the way to what is searched.
    pub(super) path: PathBuf,
    pub(super) inside: Vec<Inside>,
    pub(super) budget: Budget,
    is_end_of_budget_told: bool,
    /// The repository whose objects are searched, if these are.
    pub(super) repository: Option<Repository>,
    buffer: Vec<u8>,
    told_at: u64,
}

impl<'s> Scanner<'s> {
    pub(super) fn new(targets: &'s [Target], progress: &'s mut dyn FnMut(&Totals)) -> Self {
        Self {
            extractor: Extractor::new(Prober::new(targets)),
            progress,
            report: Report::default(),
            file: PathBuf::new(),
            path: PathBuf::new(),
            inside: Vec::new(),
            budget: Budget::of_file(0),
            is_end_of_budget_told: false,
            repository: None,
            buffer: Vec::new(),
            told_at: 0,
        }
    }

    pub(super) fn into_report(mut self) -> Report {
        self.report.totals.candidates = self.extractor.prober.derived;
        self.report
    }

    /// Searches a file.
    pub(super) fn source(&mut self, path: &Path, source: &Source) {
        self.begin(path, source.len());
        self.report.totals.files += 1;
        let mut head = Vec::new();
        let searched = match source.from(0).take(HEAD as u64).read_to_end(&mut head) {
            Err(error) => Err(error),
            Ok(_) if matches!(Kind::of(&head), Kind::Pack | Kind::Bundle) => self.pack(source),
            Ok(_) => self.stream_from(head, &mut source.from(HEAD as u64)),
        };
        self.note(searched);
    }

    /// Turns to another file or folder.
    pub(super) fn begin(&mut self, path: &Path, size: u64) {
        path.clone_into(&mut self.file);
        self.path = self.without_secrets(path);
        self.inside.clear();
        self.budget = Budget::of_file(size);
        self.is_end_of_budget_told = false;
    }

    /// Searches what is packed in the file, one step further in.
    pub(super) fn step(&mut self, step: Inside, reader: &mut dyn Read) {
        if self.inside.len() >= DEEPEST {
            self.unread(format!("packed more than {DEEPEST} times in one another"));
            return;
        }
        self.inside.push(step);
        let mut head = Vec::new();
        let searched = reader
            .take(HEAD as u64)
            .read_to_end(&mut head)
            .and_then(|_| self.stream_from(head, reader));
        self.note(searched);
        self.inside.pop();
    }

    /// Searches bytes at the place where the search is.
    pub(super) fn here(&mut self, bytes: &[u8]) {
        let (head, mut rest) = bytes.split_at(bytes.len().min(HEAD));
        let searched = self.stream_from(head.to_vec(), &mut rest);
        self.note(searched);
    }

    /// Searches what begins with `head` and goes on in `rest`.
    fn stream_from(&mut self, head: Vec<u8>, rest: &mut dyn Read) -> io::Result<()> {
        let kind = Kind::of(&head);
        let mut whole = Cursor::new(head).chain(rest);
        let budget = self.budget.clone();
        match kind {
            Kind::Plain => self.windows(&mut whole),
            Kind::Gzip => {
                let unpacked = MultiGzDecoder::new(BufReader::new(whole));
                self.unpacked("gzip", &mut budget.metered(unpacked))
            }
            Kind::Zstd => {
                let unpacked = ZstdReader::new(BufReader::new(whole));
                self.unpacked("zstd", &mut budget.metered(unpacked))
            }
            Kind::Xz => {
                let unpacked = XzReader::new_mem_limit(BufReader::new(whole), true, MOST_XZ_MEMORY);
                self.unpacked("xz", &mut budget.metered(unpacked))
            }
            Kind::Zlib => {
                let unpacked = ZlibDecoder::new(BufReader::new(whole));
                self.zlib(&mut budget.metered(unpacked))
            }
            Kind::Tar => self.tar(&mut whole),
            Kind::Zip => {
                let bytes = in_memory(&mut whole, "zip archive")?;
                self.zip(&bytes)
            }
            Kind::Pack | Kind::Bundle => {
                let bytes = in_memory(&mut whole, "pack in an archive")?;
                self.pack(&Source::Memory(bytes))
            }
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "one arm of many that can fail")]
    fn unpacked(&mut self, name: &'static str, reader: &mut dyn Read) -> io::Result<()> {
        self.step(Inside::Unpacked(name), reader);
        Ok(())
    }

    fn tar(&mut self, reader: &mut dyn Read) -> io::Result<()> {
        while let Some(tar::Member { name, size }) = tar::next_member(reader)? {
            let mut member = reader.take(size);
            self.member(name, &mut member);
            io::copy(&mut member, &mut io::sink())?;
            if member.limit() > 0 {
                return Err(io::Error::other("the archive ends in the middle of a member"));
            }
            io::copy(&mut reader.take(tar::padding(size)), &mut io::sink())?;
        }
        Ok(())
    }

    fn zip(&mut self, bytes: &[u8]) -> io::Result<()> {
        let archive = ZipArchive::from_slice(bytes).map_err(io::Error::other)?;
        let mut entries = archive.entries();
        while let Some(header) = entries.next_entry().map_err(io::Error::other)? {
            let name = String::from_utf8_lossy(header.file_path().as_ref()).into_owned();
            // What is encrypted is where a key may be.
            if header.flags().is_encrypted() {
                continue;
            }
            let entry = archive.get_entry(header.wayfinder()).map_err(io::Error::other)?;
            let packed = entry.data();
            let budget = self.budget.clone();
            match header.compression_method() {
                CompressionMethod::STORE => self.member(name, &mut budget.metered(packed)),
                CompressionMethod::DEFLATE => {
                    self.member(name, &mut budget.metered(DeflateDecoder::new(packed)));
                }
                _ => {
                    self.inside.push(Inside::Member(name));
                    self.unread("packed by a method that is not read".to_owned());
                    self.inside.pop();
                }
            }
        }
        Ok(())
    }

    /// Searches a member of an archive, and its name.
    fn member(&mut self, name: String, content: &mut dyn Read) {
        let name = self.name(name);
        self.step(Inside::Member(name), content);
    }

    /// Searches the name of something in the file. What holds a key is replaced, because names are printed.
    pub(super) fn name(&mut self, name: String) -> String {
        if name.len() < SHORTEST_NAME
            || self.extractor.search(name.as_bytes(), Cut::Beginning).is_empty()
        {
            return name;
        }
        self.inside.extend([Inside::Member(SECRET_NAME.to_owned()), Inside::Name]);
        for hit in self.extractor.search(name.as_bytes(), Cut::Beginning) {
            self.finding(&hit, None, 0);
        }
        self.inside.truncate(self.inside.len() - 2);
        SECRET_NAME.to_owned()
    }

    /// Searches the name of a file or a folder, `path`.
    pub(super) fn path_name(&mut self, path: &Path) {
        let Some(name) = path.file_name().filter(|name| name.len() >= SHORTEST_NAME) else {
            return;
        };
        let hits = self.extractor.search(name.as_bytes(), Cut::Beginning);
        if !hits.is_empty() {
            self.begin(path, 0);
            self.inside.push(Inside::Name);
            for hit in &hits {
                self.finding(hit, None, 0);
            }
        }
    }

    /// The path without the names in it that hold a key, because paths are printed.
    pub(super) fn without_secrets(&mut self, path: &Path) -> PathBuf {
        let mut holds_key = |name: &OsStr| {
            name.len() >= SHORTEST_NAME
                && !self.extractor.search(name.as_bytes(), Cut::Beginning).is_empty()
        };
        path.components()
            .map(|part| {
                if holds_key(part.as_os_str()) { OsStr::new(SECRET_NAME) } else { part.as_os_str() }
            })
            .collect()
    }

    /// Searches plain content, window by window.
    fn windows(&mut self, reader: &mut dyn Read) -> io::Result<()> {
        let mut buffer = mem::take(&mut self.buffer);
        buffer.clear();
        let (mut cut, mut offset, mut lines) = (Cut::Beginning, 0, 1);
        let ended = loop {
            let room = WINDOW.saturating_sub(buffer.len());
            let read = reader.take(room as u64).read_to_end(&mut buffer);
            let is_end = read.is_err() || buffer.len() < WINDOW;
            // What begins in the overlap is whole in the next window.
            let own = if is_end { buffer.len() } else { WINDOW - OVERLAP };
            for hit in
                self.extractor.search(&buffer, cut).iter().filter(|hit| hit.offset < own.max(1))
            {
                let is_text = hit.forms.first() == Some(&Form::Utf16) || is_text(&buffer);
                let line = is_text.then(|| lines + newlines(&buffer, hit.offset));
                self.finding(hit, line, offset);
            }
            self.report.totals.bytes += own as u64;
            self.tell();
            if is_end {
                break read.map(|_| ());
            }
            lines += newlines(&buffer, own);
            offset += own as u64;
            buffer.drain(..own);
            cut = Cut::Middle;
        };
        self.buffer = buffer;
        ended
    }

    fn finding(&mut self, hit: &Hit, line: Option<u64>, window: u64) {
        let finding = Finding {
            path: self.path.clone(),
            inside: self.inside.clone(),
            line,
            offset: window + hit.offset as u64,
            forms: hit.forms.clone(),
            public_key: hit.key,
            remedy: self.remedy(),
        };
        let is_known =
            self.report.findings.last().is_some_and(|last| is_same_place(last, &finding));
        if is_known {
            return;
        }
        self.report.totals.findings += 1;
        if self.report.findings.len() < Report::MOST_FINDINGS {
            self.report.findings.push(finding);
        }
    }

    fn remedy(&self) -> Remedy {
        let has = |is: fn(&Inside) -> bool| self.inside.iter().any(is);
        if self.repository.is_some() || has(|step| matches!(step, Inside::Object(_))) {
            Remedy::Rewrite
        } else if has(|step| matches!(step, Inside::Member(_))) {
            Remedy::Withdraw
        } else {
            Remedy::Destroy
        }
    }

    /// Notes that what is searched could not be read to its end.
    pub(super) fn note(&mut self, searched: io::Result<()>) {
        if let Err(error) = searched {
            self.unread(error.to_string());
        }
    }

    pub(super) fn unread(&mut self, reason: String) {
        // The end of the budget is met at every step out of the file.
        if self.budget.is_spent() && mem::replace(&mut self.is_end_of_budget_told, true) {
            return;
        }
        self.report.totals.unread += 1;
        if self.report.unread.len() < Report::MOST_UNREAD {
            let (path, inside) = (self.path.clone(), self.inside.clone());
            self.report.unread.push(Unread { path, inside, reason });
        }
    }

    /// Tells how far the search is, every few MiB.
    fn tell(&mut self) {
        self.report.totals.candidates = self.extractor.prober.derived;
        let done = self.report.totals.bytes / TOLD_EVERY;
        if mem::replace(&mut self.told_at, done) != done {
            (self.progress)(&self.report.totals);
        }
    }
}

/// Whether the same key was found a moment ago on the same line, or in the same run of characters.
fn is_same_place(last: &Finding, new: &Finding) -> bool {
    last.path == new.path
        && last.inside == new.inside
        && last.public_key == new.public_key
        && (last.offset == new.offset || (last.line.is_some() && last.line == new.line))
}

fn newlines(buffer: &[u8], before: usize) -> u64 {
    buffer.iter().take(before).map(|byte| u64::from(*byte == b'\n')).sum()
}

fn in_memory(reader: &mut dyn Read, what: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MOST_IN_MEMORY + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_IN_MEMORY {
        let most = MOST_IN_MEMORY >> 20;
        return Err(io::Error::other(format!("a {what} of more than {most} MiB is not read")));
    }
    Ok(bytes)
}

/// Stands for a name that holds a key.
const SECRET_NAME: &str = "<a name that holds the key>";
/// No shorter name can hold a key.
const SHORTEST_NAME: usize = 32;
/// How often things may be packed in one another: an image in an archive has a layer with an archive …
const DEEPEST: usize = 10;
/// How much of a file is searched at once.
const WINDOW: usize = 1 << 20;
/// What two windows share: the longest text that is recognized as one.
const OVERLAP: usize = 16 << 10;
/// What must be read out of order and stands in something else is held in memory, up to here.
const MOST_IN_MEMORY: u64 = 512 << 20;
/// The dictionary of `xz -9` has 64 MiB.
const MOST_XZ_MEMORY: u32 = 100 << 10;
const TOLD_EVERY: u64 = 4 << 20;
