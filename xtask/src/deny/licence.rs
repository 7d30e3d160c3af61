//! Licence expressions (SPDX), as far as the manifests of crates use them.

/// `MIT OR (Apache-2.0 WITH LLVM-exception AND Zlib)`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expression {
    /// One licence, with its exception if it has one.
    Term(String),
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

impl Expression {
    /// Reads an expression; `A/B`, which old crates write, means `A OR B`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let spaced = text.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
        let mut words = Words { rest: spaced.split_whitespace().collect::<Vec<_>>(), at: 0 };
        let expression = words.any()?;
        match words.peek() {
            None => Ok(expression),
            Some(word) => Err(format!("`{word}` is unexpected")),
        }
    }

    /// Whether the licence can be taken if only the terms are for which `allowed` holds.
    pub(super) fn is_met_by(&self, allowed: &dyn Fn(&str) -> bool) -> bool {
        match self {
            Self::Term(term) => allowed(term),
            Self::All(parts) => parts.iter().all(|part| part.is_met_by(allowed)),
            Self::Any(parts) => parts.iter().any(|part| part.is_met_by(allowed)),
        }
    }
}

struct Words<'a> {
    rest: Vec<&'a str>,
    at: usize,
}

impl<'a> Words<'a> {
    fn any(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.all()?];
        while self.takes("OR") {
            parts.push(self.all()?);
        }
        Ok(joined(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.term()?];
        while self.takes("AND") {
            parts.push(self.term()?);
        }
        Ok(joined(parts, Expression::All))
    }

    fn term(&mut self) -> Result<Expression, String> {
        if self.takes("(") {
            let inner = self.any()?;
            return if self.takes(")") { Ok(inner) } else { Err("a `)` is missing".to_owned()) };
        }
        let licence = self.name()?;
        if self.takes("WITH") {
            return Ok(Expression::Term(format!("{licence} WITH {}", self.name()?)));
        }
        Ok(Expression::Term(licence.to_owned()))
    }

    fn name(&mut self) -> Result<&'a str, String> {
        match self.peek() {
            None => Err("it ends too early".to_owned()),
            Some(word @ ("OR" | "AND" | "WITH" | "(" | ")")) => {
                Err(format!("`{word}` is unexpected"))
            }
            Some(word) => {
                self.at += 1;
                Ok(word)
            }
        }
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(word);
        self.at += usize::from(is_next);
        is_next
    }

    fn peek(&self) -> Option<&'a str> {
        self.rest.get(self.at).copied()
    }
}

/// A list of one is that one.
fn joined(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_and_conjunctions_are_told_apart() {
        let rows = [
            ("MIT", true, "the licence itself"),
            ("MIT/GPL-3.0", true, "the old way to write OR"),
            ("MIT OR LGPL-2.1-or-later OR GPL-3.0", true, "one of three is enough"),
            ("MIT AND GPL-3.0", false, "both are needed"),
            ("(MIT OR GPL-3.0) AND Zlib", true, "a choice inside, and another one that is allowed"),
            ("GPL-3.0 OR MIT AND Zlib", true, "AND binds closer than OR"),
            ("MIT WITH Some-exception", false, "a licence with an exception is another licence"),
            ("GPL-3.0", false, "not on the list"),
        ];
        for (text, expected, why) in rows {
            let licence = Expression::parse(text).unwrap();
            let allowed = |term: &str| matches!(term, "MIT" | "Zlib");
            assert_eq!(licence.is_met_by(&allowed), expected, "{text}: {why}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in ["", "MIT OR", "(MIT", "MIT)", "MIT MIT", "AND MIT", "MIT WITH"] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }
}
