//! The rows of the description.

use super::{cells, is_separator, section_of};

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The number of its section.
    pub section: String,
    /// Which one it is in its section.
    pub key: String,
}

/// The sections whose rows must be shown; all that are below them, too.
const SECTIONS: [&str; 15] =
    ["1", "2", "3", "4", "5", "6", "7", "8", "9.1", "9.2", "9.3", "9.4", "11", "12", "13"];

/// Every row of the description that must be shown, in its order.
pub fn rows(description: &str) -> Vec<Row> {
    let mut reader = Reader::default();
    for line in description.lines() {
        reader.read(line);
    }
    let is_wanted = |section: &str| {
        SECTIONS.iter().any(|wanted| {
            section == *wanted || section.strip_prefix(wanted).is_some_and(|s| s.starts_with('.'))
        })
    };
    let mut all: Vec<Row> = Vec::new();
    for (index, section) in reader.sections.iter().enumerate() {
        let below = format!("{section}.");
        let own: Vec<Row> =
            reader.rows.iter().filter(|row| row.section == *section).cloned().collect();
        let is_parent = reader.sections.get(index + 1).is_some_and(|next| next.starts_with(&below));
        if own.is_empty() && !is_parent {
            all.push(Row { section: section.clone(), key: "text".to_owned() });
        }
        all.extend(own);
    }
    all.retain(|row| is_wanted(&row.section));
    all
}

#[derive(Default)]
struct Reader {
    sections: Vec<String>,
    rows: Vec<Row>,
    is_code: bool,
    is_table: bool,
    /// The first cell of the line of a table that later lines with an empty one belong to.
    subject: String,
    /// The number of the item of a list that was read last.
    number: Option<usize>,
    bullets: usize,
}

impl Reader {
    fn read(&mut self, line: &str) {
        if line.starts_with("```") {
            self.is_code = !self.is_code;
        } else if self.is_code {
        } else if let Some(section) = section_of(line) {
            self.sections.push(section.to_owned());
            (self.is_table, self.number, self.bullets) = (false, None, 0);
        } else if line.starts_with('|') {
            self.read_table(line);
        } else {
            self.is_table = false;
            self.read_list(line);
        }
    }

    fn read_table(&mut self, line: &str) {
        self.number = None;
        let is_head = !std::mem::replace(&mut self.is_table, true);
        if is_head || is_separator(line) {
            return;
        }
        let cells = cells(line);
        let (Some(first), second) = (cells.first(), cells.get(1)) else { return };
        if first.is_empty() {
            let second = second.map(String::as_str).unwrap_or_default();
            self.add(format!("{} / {second}", self.subject));
        } else {
            self.subject.clone_from(first);
            self.add(first.clone());
        }
    }

    fn read_list(&mut self, line: &str) {
        let item = line.trim_start();
        let is_indented = item.len() < line.len();
        if line.starts_with("* ") {
            self.bullets += 1;
            self.number = None;
            self.add(format!("• {}", self.bullets));
        } else if let Some((label, _)) = item.split_once(". ") {
            if let Ok(number) = label.parse() {
                self.number = Some(number);
                self.add(label.to_owned());
            } else if matches!(label, "a" | "b" | "c" | "d" | "e" | "f") {
                let above = self.number.filter(|_| is_indented);
                self.add(above.map_or(label.to_owned(), |above| format!("{above}{label}")));
            }
        }
        self.read_further_items(line);
        if line.trim().is_empty() {
            self.number = None;
        }
    }

    /// Items that follow on the same line: the next number after a blank.
    fn read_further_items(&mut self, line: &str) {
        while let Some(number) = self.number
            && line.contains(&format!(" {}. ", number + 1))
        {
            self.number = Some(number + 1);
            self.add((number + 1).to_string());
        }
    }

    fn add(&mut self, key: String) {
        if let Some(section) = self.sections.last() {
            self.rows.push(Row { section: section.clone(), key });
        }
    }
}
