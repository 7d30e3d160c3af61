//! A Rust source, parsed: its functions, its imports, its tokens, and which of them are tests.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::{Delimiter, LineColumn, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Block, ImplItemFn, Item, ItemFn, ItemUse, Meta, Signature, TraitItemFn, UseTree,
};

use crate::report::StepError;

/// What the rules look at.
pub(super) struct Source {
    path: PathBuf,
    lines: usize,
    is_test: bool,
    survey: Survey,
    words: Vec<Word>,
}

/// A function of production code.
pub(super) struct Function {
    pub(super) name: String,
    /// Where its signature begins, counted from 1.
    pub(super) line: usize,
    /// From its signature to its closing brace.
    pub(super) lines: usize,
}

/// A token, and the line it begins in, counted from 1.
#[derive(Clone)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) line: usize,
}

#[derive(Default)]
struct Survey {
    functions: Vec<Function>,
    /// Each import as one full path, groups taken apart.
    imports: Vec<Vec<Word>>,
    /// The lines of tests.
    tests: Vec<RangeInclusive<usize>>,
    /// Test modules that are files of their own.
    test_modules: Vec<String>,
}

impl Source {
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, StepError> {
        let malformed = |line: LineColumn, reason: String| StepError::Malformed {
            what: format!("{}:{}", path.display(), line.line),
            reason,
        };
        let file = syn::parse_file(text)
            .map_err(|error| malformed(error.span().start(), error.to_string()))?;
        let tokens = TokenStream::from_str(text)
            .map_err(|error| malformed(error.span().start(), error.to_string()))?;
        let mut survey = Survey::default();
        survey.visit_file(&file);
        let mut words = Vec::new();
        flatten(tokens, &mut words);
        Ok(Self {
            path: path.to_path_buf(),
            lines: text.lines().count(),
            is_test: file.attrs.iter().any(is_for_tests),
            survey,
            words,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many lines the file has.
    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    /// Whether the file says of itself that it is for tests only.
    pub(super) fn is_test(&self) -> bool {
        self.is_test
    }

    /// The functions that are not tests.
    pub(super) fn functions(&self) -> &[Function] {
        &self.survey.functions
    }

    /// The imports that are not for tests.
    pub(super) fn imports(&self) -> &[Vec<Word>] {
        &self.survey.imports
    }

    /// The tokens of production code. Comments are no tokens; documentation is one string.
    pub(super) fn production_words(&self) -> Vec<&Word> {
        let is_test = |line| self.survey.tests.iter().any(|lines| lines.contains(&line));
        self.words.iter().filter(|word| !is_test(word.line)).collect()
    }

    /// The files and folders that hold this file's test modules.
    pub(super) fn test_files(&self) -> Vec<PathBuf> {
        let beside = self.path.parent().unwrap_or(Path::new(""));
        let folder = match self.path.file_stem().and_then(|stem| stem.to_str()) {
            Some("lib" | "main" | "mod") | None => beside.to_path_buf(),
            Some(stem) => beside.join(stem),
        };
        let modules = self.survey.test_modules.iter();
        modules.flat_map(|name| [folder.join(format!("{name}.rs")), folder.join(name)]).collect()
    }
}

impl Survey {
    fn function(&mut self, attributes: &[Attribute], signature: &Signature, body: &Block) {
        if attributes.iter().any(excuses_length) {
            return;
        }
        let line = signature.span().start().line;
        let end = body.brace_token.span.close().end().line;
        self.functions.push(Function {
            name: signature.ident.to_string(),
            line,
            lines: end + 1 - line,
        });
    }
}

impl<'ast> Visit<'ast> for Survey {
    fn visit_item(&mut self, item: &'ast Item) {
        if !attributes(item).iter().any(is_for_tests) {
            return visit::visit_item(self, item);
        }
        let span = item.span();
        self.tests.push(span.start().line..=span.end().line);
        if let Item::Mod(module) = item
            && module.content.is_none()
        {
            self.test_modules.push(module.ident.to_string());
        }
    }

    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.function(&function.attrs, &function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.function(&function.attrs, &function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.function(&function.attrs, &function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        expand(&item.tree, &[], &mut self.imports);
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, `#[cfg(all(test, …))]`.
fn is_for_tests(attribute: &Attribute) -> bool {
    let path = attribute.path();
    if path.segments.last().is_some_and(|segment| segment.ident == "test") {
        return true;
    }
    let Meta::List(list) = &attribute.meta else { return false };
    let mut words = Vec::new();
    flatten(list.tokens.clone(), &mut words);
    let has = |text: &str| words.iter().any(|word| word.text == text);
    path.is_ident("cfg") && has("test") && !has("not") && !has("any")
}

/// `#[expect(clippy::too_many_lines, reason = "…")]`.
fn excuses_length(attribute: &Attribute) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    let mut words = Vec::new();
    flatten(list.tokens.clone(), &mut words);
    attribute.path().is_ident("expect") && words.iter().any(|word| word.text == "too_many_lines")
}

/// Takes groups apart: `std::{fs, io::Read}` becomes `std::fs` and `std::io::Read`.
fn expand(tree: &UseTree, before: &[Word], paths: &mut Vec<Vec<Word>>) {
    let with = |text: String, line: usize| {
        let mut path = before.to_vec();
        path.push(Word { text, line });
        path
    };
    match tree {
        UseTree::Path(path) => {
            let line = path.ident.span().start().line;
            let mut words = with(path.ident.to_string(), line);
            words.extend([":", ":"].map(|text| Word { text: text.to_owned(), line }));
            expand(&path.tree, &words, paths);
        }
        UseTree::Name(name) => {
            paths.push(with(name.ident.to_string(), name.ident.span().start().line));
        }
        UseTree::Rename(name) => {
            paths.push(with(name.ident.to_string(), name.ident.span().start().line));
        }
        UseTree::Group(group) => group.items.iter().for_each(|item| expand(item, before, paths)),
        UseTree::Glob(_) => paths.push(before.to_vec()),
    }
}

fn flatten(tokens: TokenStream, words: &mut Vec<Word>) {
    for token in tokens {
        let line = token.span().start().line;
        let TokenTree::Group(group) = token else {
            words.push(Word { text: token.to_string(), line });
            continue;
        };
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        words.push(Word { text: open.to_owned(), line });
        flatten(group.stream(), words);
        words.push(Word { text: close.to_owned(), line: group.span_close().end().line });
    }
}
