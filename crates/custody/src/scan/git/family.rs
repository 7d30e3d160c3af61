//! Searching the objects of a pack that are stored as differences.

use std::collections::HashMap;
use std::io;

use super::delta;
use super::oid::{ObjectKind, Oid};
use super::pack::{LONGEST_CHAIN, Pack, invalid};
use crate::scan::scanner::Scanner;

/// Where the whole objects of a pack begin, and which differences there are.
#[derive(Debug, Default)]
pub(super) struct Differences {
    whole: Vec<u64>,
    /// Base and difference.
    from_offset: Vec<(u64, u64)>,
    from_id: HashMap<Oid, Vec<u64>>,
    /// How many were not searched yet.
    left: usize,
    /// Where objects with an id begin, if ids matter in this pack.
    ids: HashMap<Oid, u64>,
}

/// An object from which others differ, while these are searched.
struct Base {
    offset: u64,
    kind: ObjectKind,
    /// None while its memory is used otherwise; it can be put together once more.
    content: Option<Vec<u8>>,
    /// The differences that are still to be searched.
    left: Vec<u64>,
}

impl Differences {
    pub(super) fn add_whole(&mut self, offset: u64) {
        self.whole.push(offset);
    }

    pub(super) fn add_from_offset(&mut self, base: u64, offset: u64) {
        self.from_offset.push((base, offset));
        self.left += 1;
    }

    pub(super) fn add_from_id(&mut self, base: Oid, offset: u64) {
        self.from_id.entry(base).or_default().push(offset);
        self.left += 1;
    }

    fn has_children(&self, base: u64) -> bool {
        !self.from_id.is_empty() || !self.children_at(base).is_empty()
    }

    fn children_at(&self, base: u64) -> &[(u64, u64)] {
        let start = self.from_offset.partition_point(|(other, _)| *other < base);
        let end = self.from_offset.partition_point(|(other, _)| *other <= base);
        self.from_offset.get(start..end).unwrap_or_default()
    }
}

impl Scanner<'_> {
    /// Searches the objects that are stored as differences, each after the one that it differs from, so that
    /// each is put together once.
    pub(super) fn differences(&mut self, pack: &Pack<'_>, mut differences: Differences) {
        differences.from_offset.sort_unstable();
        for offset in std::mem::take(&mut differences.whole) {
            if differences.has_children(offset) && !self.budget.is_spent() {
                let searched = self.family(pack, &mut differences, offset);
                self.note(searched);
            }
        }
        if differences.left > 0 {
            let left = differences.left;
            self.unread(format!("{left} objects are differences from what is not in this pack"));
        }
    }

    /// Searches the objects that differ from the whole one at `offset`, and those that differ from these.
    fn family(
        &mut self,
        pack: &Pack<'_>,
        differences: &mut Differences,
        offset: u64,
    ) -> io::Result<()> {
        let (kind, content) = pack.resolve(offset, &|_| None)?;
        let mut stack = Vec::new();
        self.enter(
            &mut stack,
            differences,
            Base { offset, kind, content: Some(content), left: Vec::new() },
        )?;
        while let Some(base) = stack.last_mut() {
            let Some(child) = base.left.pop() else {
                stack.pop();
                continue;
            };
            let kind = base.kind;
            match put_together(pack, differences, base, child) {
                Ok(content) => {
                    differences.left -= 1;
                    self.budget.spend(content.len() as u64)?;
                    self.object(kind, &content, None);
                    let child =
                        Base { offset: child, kind, content: Some(content), left: Vec::new() };
                    self.enter(&mut stack, differences, child)?;
                }
                Err(error) => {
                    self.unread(format!("the object at byte {child} of the pack: {error}"));
                }
            }
        }
        Ok(())
    }

    /// Puts an object on the stack if others differ from it.
    fn enter(
        &self,
        stack: &mut Vec<Base>,
        differences: &mut Differences,
        mut base: Base,
    ) -> io::Result<()> {
        let by_offset = differences.children_at(base.offset).iter().map(|(_, child)| *child);
        base.left = by_offset.collect();
        if !differences.from_id.is_empty()
            && let Some(content) = &base.content
        {
            let id = self.hash().id_of(base.kind, content.len() as u64, &mut content.as_slice())?;
            differences.ids.insert(id, base.offset);
            base.left.extend(differences.from_id.get(&id).into_iter().flatten());
        }
        if base.left.is_empty() {
            return Ok(());
        }
        if stack.len() >= LONGEST_CHAIN {
            return Err(super::pack::damaged("an object is a difference from too many others"));
        }
        stack.push(base);
        release(stack);
        Ok(())
    }
}

/// The object that is stored as the difference at `child`.
fn put_together(
    pack: &Pack<'_>,
    differences: &Differences,
    base: &mut Base,
    child: u64,
) -> io::Result<Vec<u8>> {
    let content = match base.content.take() {
        Some(content) => content,
        None => pack.resolve(base.offset, &|id| differences.ids.get(id).copied())?.1,
    };
    let difference = pack.content(&pack.entry(child)?)?;
    let object = delta::apply(&content, &difference).map_err(invalid);
    if !base.left.is_empty() {
        base.content = Some(content);
    }
    object
}

/// Gives up the content of the objects that are needed last, until the others fit into memory.
fn release(stack: &mut [Base]) {
    let size = |base: &Base| base.content.as_ref().map_or(0, Vec::len);
    let mut held: usize = stack.iter().map(size).sum();
    let Some((_, others)) = stack.split_last_mut() else { return };
    for base in others {
        if held <= MOST_HELD {
            return;
        }
        held -= size(base);
        base.content = None;
    }
}

/// How much of the objects that others differ from is held in memory, beside the last.
const MOST_HELD: usize = 256 << 20;
