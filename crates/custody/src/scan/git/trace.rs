//! Where in the history objects are: which commits hold them, and which refs reach those.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::object::tree_entries;
use super::oid::{ObjectKind, Oid};
use super::refs::{Tip, are_in_tables, tips};
use super::repository::Repository;
use super::store::Store;
use crate::scan::report::History;

/// Follows the history of a repository.
pub(in crate::scan) struct Tracer<'r> {
    repository: &'r Repository,
    store: Store,
    tips: Vec<Tip>,
    /// What each tree holds of the objects that are looked for, and by which path.
    trees: HashMap<Oid, Rc<[Held]>>,
    is_partial: bool,
}

/// An object that is looked for, and its path in a tree.
#[derive(Clone, Debug)]
struct Held {
    id: Oid,
    path: String,
}

impl<'r> Tracer<'r> {
    pub(in crate::scan) fn new(repository: &'r Repository) -> Self {
        let objects = vec![repository.folder.join("objects")];
        Self {
            repository,
            store: Store::open(objects, repository.hash),
            tips: tips(&repository.folder),
            trees: HashMap::new(),
            is_partial: are_in_tables(&repository.folder),
        }
    }

    /// The history of each object that holds a key.
    pub(in crate::scan) fn histories(mut self) -> HashMap<String, History> {
        let mut commits: Vec<(&Oid, _)> = self.repository.commits.iter().collect();
        commits.sort_by_key(|(id, commit)| (commit.time, **id));
        // For each object its commits in the order of time, and its path in the first.
        let mut holders: HashMap<Oid, (Vec<Oid>, Option<String>)> = HashMap::new();
        for (id, commit) in commits {
            if self.repository.found.contains(id) {
                holders.entry(*id).or_default().0.push(*id);
            }
            for held in self.held_by(&commit.tree, 0).iter() {
                let (commits, path) = holders.entry(held.id).or_default();
                path.get_or_insert_with(|| held.path.clone());
                // An object can be in one commit under several paths.
                if commits.last() != Some(id) {
                    commits.push(*id);
                }
            }
        }
        let followers = self.followers();
        let found = self.repository.found.iter();
        found
            .map(|id| {
                let (commits, path) = holders.remove(id).unwrap_or_default();
                (id.to_string(), self.history(*id, &commits, path, &followers))
            })
            .collect()
    }

    fn history(
        &self,
        id: Oid,
        commits: &[Oid],
        path: Option<String>,
        followers: &HashMap<Oid, Vec<Oid>>,
    ) -> History {
        let reached = reached(commits, followers);
        let is_reached = |tip: &&Tip| {
            let target = self.peeled(tip.id);
            target == id || tip.id == id || reached.contains(&target)
        };
        let mut refs: Vec<String> = Vec::new();
        for tip in self.tips.iter().filter(is_reached) {
            if !refs.contains(&tip.name) {
                refs.push(tip.name.clone());
            }
        }
        let more_refs = refs.len().saturating_sub(History::MOST_REFS);
        refs.truncate(History::MOST_REFS);
        let commit = commits.first().map(ToString::to_string);
        let is_partial = self.is_partial;
        History { commit, path, commits: commits.len(), refs, more_refs, is_partial }
    }

    /// What a tag names in the end.
    fn peeled(&self, mut id: Oid) -> Oid {
        for _ in 0..LONGEST_TAG_CHAIN {
            match self.repository.tags.get(&id) {
                Some(next) => id = *next,
                None => break,
            }
        }
        id
    }

    /// What the tree holds, and the trees in it.
    fn held_by(&mut self, tree: &Oid, depth: usize) -> Rc<[Held]> {
        if let Some(known) = self.trees.get(tree) {
            return Rc::clone(known);
        }
        let mut held = Vec::new();
        if self.repository.found.contains(tree) {
            held.push(Held { id: *tree, path: String::new() });
        }
        if depth >= DEEPEST || self.trees.len() >= MOST_TREES {
            self.is_partial = true;
        } else if let Some((ObjectKind::Tree, content)) = self.store.object(tree) {
            for entry in tree_entries(&content, self.repository.hash) {
                let name = String::from_utf8_lossy(entry.name);
                if entry.is_tree {
                    let room = MOST_HELD.saturating_sub(held.len());
                    for inner in self.held_by(&entry.id, depth + 1).iter().take(room) {
                        let path = format!("{name}/{}", inner.path);
                        held.push(Held { id: inner.id, path });
                    }
                } else if self.repository.found.contains(&entry.id) {
                    held.push(Held { id: entry.id, path: name.into_owned() });
                }
            }
        }
        self.is_partial |= held.len() >= MOST_HELD;
        let held: Rc<[Held]> = held.into();
        self.trees.insert(*tree, Rc::clone(&held));
        held
    }

    /// The commits that follow each one.
    fn followers(&self) -> HashMap<Oid, Vec<Oid>> {
        let mut followers: HashMap<Oid, Vec<Oid>> = HashMap::new();
        for (id, commit) in &self.repository.commits {
            for parent in &commit.parents {
                followers.entry(*parent).or_default().push(*id);
            }
        }
        followers
    }
}

/// These commits, and all that follow them.
fn reached(commits: &[Oid], followers: &HashMap<Oid, Vec<Oid>>) -> HashSet<Oid> {
    let mut reached: HashSet<Oid> = commits.iter().copied().collect();
    let mut left = commits.to_vec();
    while let Some(commit) = left.pop() {
        for follower in followers.get(&commit).into_iter().flatten() {
            if reached.insert(*follower) {
                left.push(*follower);
            }
        }
    }
    reached
}

/// How many folders may be in one another.
const DEEPEST: usize = 128;
/// How many trees are looked at: minutes of work.
const MOST_TREES: usize = 2_000_000;
/// How many objects are followed in one folder and those in it.
const MOST_HELD: usize = 1000;
const LONGEST_TAG_CHAIN: usize = 16;
