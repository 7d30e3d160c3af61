//! Searching the objects of packs, and loose ones.

use std::io::{self, Read};
use std::path::Path;

use super::family::Differences;
use super::object::{Commit, loose_header, tagged};
use super::oid::{HashKind, ObjectKind, Oid};
use super::pack::{Content, Entry, Pack, start_in_bundle};
use crate::scan::report::{Inside, Object};
use crate::scan::scanner::Scanner;
use crate::scan::source::Source;

impl Scanner<'_> {
    /// Searches a pack or a bundle.
    pub(in crate::scan) fn pack(&mut self, source: &Source) -> io::Result<()> {
        let [first] = source.array_at(0)?;
        let start = if first == b'#' { start_in_bundle(source)? } else { 0 };
        let pack = Pack::open(source, start, self.hash())?;
        let differences = self.whole_objects(&pack);
        self.differences(&pack, differences);
        Ok(())
    }

    /// Searches what zlib packs: a loose object, or anything else.
    pub(in crate::scan) fn zlib(&mut self, reader: &mut dyn Read) -> io::Result<()> {
        let mut head = Vec::new();
        reader.take(LONGEST_HEADER).read_to_end(&mut head)?;
        let Some((kind, size, start)) = loose_header(&head) else {
            self.step(Inside::Unpacked("zlib"), &mut head.chain(reader));
            return Ok(());
        };
        let (_, begun) = head.split_at(start);
        let known = self.id_in_path();
        if size <= LARGE {
            let mut content = begun.to_vec();
            reader.take(LARGE).read_to_end(&mut content)?;
            self.object(kind, &content, known);
        } else {
            self.object_in(kind, &mut begun.chain(reader), &mut || known);
        }
        Ok(())
    }

    /// The id that a loose object has by its path: `…/objects/12/34…`.
    fn id_in_path(&self) -> Option<Oid> {
        let member = self.inside.iter().rev().find_map(|step| match step {
            Inside::Member(name) => Some(Path::new(name)),
            _ => None,
        });
        let path = member.unwrap_or(&self.file);
        let (folder, name) = (path.parent()?.file_name()?.to_str()?, path.file_name()?.to_str()?);
        Oid::from_hex(format!("{folder}{name}").as_bytes())
    }

    pub(super) fn hash(&self) -> HashKind {
        self.repository.as_ref().map_or(HashKind::Sha1, |repository| repository.hash)
    }

    /// Searches the whole objects of a pack, and says what there is beside them.
    fn whole_objects(&mut self, pack: &Pack<'_>) -> Differences {
        let mut found = Differences::default();
        let mut offset = pack.first();
        for _ in 0..pack.count {
            match self.entry(pack, offset, &mut found) {
                Ok(next) => offset = next,
                Err(error) => {
                    // Without its end, nobody knows where the next one begins.
                    self.unread(format!("the pack from byte {offset} on: {error}"));
                    break;
                }
            }
        }
        found
    }

    /// Searches an entry if it is whole. Where the next one begins.
    fn entry(&mut self, pack: &Pack<'_>, offset: u64, found: &mut Differences) -> io::Result<u64> {
        let entry = pack.entry(offset)?;
        let mut reader = pack.reader(&entry);
        match &entry.content {
            Content::Whole(kind) => {
                found.add_whole(offset);
                if entry.size <= LARGE {
                    let content = Pack::read(&entry, &mut reader)?;
                    self.budget.spend(entry.size)?;
                    self.object(*kind, &content, None);
                } else {
                    self.large_object(pack, &entry, *kind);
                }
            }
            Content::FromOffset(base) => found.add_from_offset(*base, offset),
            Content::FromId(base) => found.add_from_id(*base, offset),
        }
        io::copy(&mut self.budget.metered(&mut reader), &mut io::sink())?;
        Ok(Pack::end(&entry, &reader))
    }

    /// Searches an object that is not held in memory. It is read once more if it holds a key, for its id.
    fn large_object(&mut self, pack: &Pack<'_>, entry: &Entry, kind: ObjectKind) {
        let hash = self.hash();
        let mut reader = self.budget.metered(pack.reader(entry));
        self.object_in(kind, &mut reader, &mut || {
            hash.id_of(kind, entry.size, &mut pack.reader(entry)).ok()
        });
    }

    /// Searches an object, and remembers what it says about the history.
    pub(super) fn object(&mut self, kind: ObjectKind, content: &[u8], known: Option<Oid>) {
        let hash = self.hash();
        let identify = || {
            let size = content.len() as u64;
            known.or_else(|| hash.id_of(kind, size, &mut { content }).ok())
        };
        if self.repository.is_some() && self.inside.is_empty() {
            match kind {
                ObjectKind::Commit => self.remember_commit(content, identify()),
                ObjectKind::Tag => self.remember_tag(content, identify()),
                ObjectKind::Tree | ObjectKind::Blob => {}
            }
        }
        self.object_in(kind, &mut { content }, &mut { identify });
    }

    fn remember_commit(&mut self, content: &[u8], id: Option<Oid>) {
        if let (Some(repository), Some(id), Some(commit)) =
            (&mut self.repository, id, Commit::parse(content))
        {
            repository.commits.insert(id, commit);
        }
    }

    fn remember_tag(&mut self, content: &[u8], id: Option<Oid>) {
        if let (Some(repository), Some(id), Some(object)) =
            (&mut self.repository, id, tagged(content))
        {
            repository.tags.insert(id, object);
        }
    }

    /// Searches the content of an object; `identify` is asked only if there is something to tell.
    fn object_in(
        &mut self,
        kind: ObjectKind,
        content: &mut dyn Read,
        identify: &mut dyn FnMut() -> Option<Oid>,
    ) {
        self.report.totals.objects += 1;
        let findings = self.report.findings.len();
        let unread = self.report.unread.len();
        let depth = self.inside.len();
        let file = self.path.clone();
        if let Some(repository) = self.repository.as_ref().filter(|_| depth == 0) {
            repository.shown.clone_into(&mut self.path);
        }
        let object = Object { id: String::new(), kind: kind.name(), history: None };
        self.step(Inside::Object(object), content);
        self.path = file;
        if (self.report.findings.len(), self.report.unread.len()) == (findings, unread) {
            return;
        }
        let Some(id) = identify() else { return };
        let new = self.report.findings.iter_mut().skip(findings).map(|finding| &mut finding.inside);
        let gaps = self.report.unread.iter_mut().skip(unread).map(|unread| &mut unread.inside);
        for inside in new.chain(gaps) {
            if let Some(Inside::Object(object)) = inside.get_mut(depth) {
                object.id = id.to_string();
            }
        }
        if let Some(repository) = &mut self.repository
            && depth == 0
            && self.report.findings.len() > findings
            && !repository.found.insert(id)
        {
            // Packs and loose objects often hold the same.
            let surplus = self.report.findings.len() - findings;
            self.report.findings.truncate(findings);
            self.report.totals.findings -= surplus as u64;
        }
    }
}

/// The longest kind, a space, the longest size and a zero byte.
const LONGEST_HEADER: u64 = 29;
/// Larger objects are searched piece by piece and not held in memory.
const LARGE: u64 = 8 << 20;
