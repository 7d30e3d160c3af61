//! The syntax of units: sections, `key=value`, comments, and lines that go on after a backslash (`systemd.syntax(7)`).

/// A unit's assignments, in their order.
pub(super) struct Unit {
    assignments: Vec<Assignment>,
    sections: Vec<String>,
}

struct Assignment {
    section: String,
    key: String,
    value: String,
}

impl Unit {
    /// What is no assignment is left to systemd, which says so.
    pub(super) fn parse(text: &str) -> Self {
        let mut unit = Self { assignments: Vec::new(), sections: Vec::new() };
        for line in logical_lines(text) {
            let line = line.trim();
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                unit.sections.push(name.to_owned());
            } else if let (Some((key, value)), Some(section)) =
                (line.split_once('='), unit.sections.last())
            {
                unit.assignments.push(Assignment {
                    section: section.clone(),
                    key: key.trim().to_owned(),
                    value: value.trim().to_owned(),
                });
            }
        }
        unit
    }

    pub(super) fn has_section(&self, name: &str) -> bool {
        self.sections.iter().any(|section| section == name)
    }

    /// Every assignment of a section.
    pub(super) fn lines<'a>(
        &'a self,
        section: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let lines = self.assignments.iter().filter(move |line| line.section == section);
        lines.map(|line| (line.key.as_str(), line.value.as_str()))
    }

    /// The value of a setting of which the last assignment counts.
    pub(super) fn last<'a>(&'a self, section: &'a str, key: &str) -> Option<&'a str> {
        self.lines(section).filter(|(other, _)| *other == key).map(|(_, value)| value).last()
    }

    /// The words of a list in `[Service]`. An empty assignment begins it anew.
    pub(super) fn list(&self, key: &str) -> Vec<String> {
        let mut words = Vec::new();
        for (_, value) in self.lines("Service").filter(|(other, _)| *other == key) {
            if value.is_empty() {
                words.clear();
            }
            words.extend(split(value));
        }
        words
    }

    /// Whether a switch in `[Service]` is on.
    pub(super) fn is_on(&self, key: &str) -> bool {
        let value = self.last("Service", key).unwrap_or_default();
        ["1", "yes", "true", "on", "y", "t"].iter().any(|yes| value.eq_ignore_ascii_case(yes))
    }
}

/// Lines without comments, each with what it goes on with.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        // A comment may stand between a line and its continuation.
        if line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let (part, more) = line.strip_suffix('\\').map_or((line, false), |part| (part, true));
        match lines.last_mut() {
            Some(last) if goes_on => {
                last.push(' ');
                last.push_str(part);
            }
            _ => lines.push(part.to_owned()),
        }
        goes_on = more;
    }
    lines
}

/// Words, of which those in quotes may hold spaces.
pub(super) fn split(value: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut quote = None;
    let mut is_inside = false;
    for letter in value.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            None if letter.is_whitespace() => {
                is_inside = false;
                continue;
            }
            _ => {
                if !is_inside {
                    words.push(String::new());
                }
                if let Some(word) = words.last_mut() {
                    word.push(letter);
                }
            }
        }
        if quote.is_some() && !is_inside {
            words.push(String::new());
        }
        is_inside = true;
    }
    words
}
