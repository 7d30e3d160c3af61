//! Dashboards for Grafana, as JSON that can be put into its folder of provisioned dashboards: nothing is fetched
//! from anywhere, and the data source is whichever Prometheus is the default one.

mod panels;

use serde_json::{Value, json};

use crate::promql::Expr;
use crate::registry::Unit;

pub use panels::DASHBOARDS;

/// One dashboard.
#[derive(Clone, Copy, Debug)]
pub struct Dashboard {
    /// Its name in file names and URLs.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Its panels, three to a row.
    pub panels: &'static [Panel],
}

/// One panel.
#[derive(Clone, Copy, Debug)]
pub struct Panel {
    /// Its title.
    pub title: &'static str,
    /// What it says to whoever does not know.
    pub description: &'static str,
    /// What its axis counts.
    pub unit: Unit,
    /// How it is drawn.
    pub look: Look,
    /// What is drawn, and how each series is called.
    pub lines: &'static [Line],
}

/// An expression, and how its series are called.
pub type Line = (fn() -> Expr, &'static str);

/// How a panel is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Lines over time.
    Lines,
    /// The last value in large.
    Number,
    /// States over time.
    States,
}

/// Every dashboard: its file's name and its JSON.
pub fn dashboards() -> Vec<(String, String)> {
    let render = |dashboard: &Dashboard| {
        let text = serde_json::to_string_pretty(&board(dashboard)).expect("JSON has text for keys");
        (format!("countersign-{}.json", dashboard.name), text + "\n")
    };
    DASHBOARDS.iter().map(render).collect()
}

fn board(dashboard: &Dashboard) -> Value {
    let panels: Vec<Value> =
        (0_u32..).zip(dashboard.panels).map(|(place, each)| panel(place, each)).collect();
    json!({
        "uid": format!("countersign-{}", dashboard.name),
        "title": format!("Countersign: {}", dashboard.title),
        "tags": ["countersign"],
        "editable": false,
        "graphTooltip": 1,
        "refresh": "30s",
        "schemaVersion": 37,
        "time": { "from": "now-6h", "to": "now" },
        "timezone": "utc",
        "templating": { "list": [{
            "name": "source",
            "label": "Prometheus",
            "type": "datasource",
            "query": "prometheus",
        }] },
        "panels": panels,
    })
}

fn panel(place: u32, panel: &Panel) -> Value {
    let (column, row) = (place % PER_ROW, place / PER_ROW);
    let source = json!({ "type": "prometheus", "uid": "${source}" });
    let targets: Vec<Value> = (b'A'..)
        .zip(panel.lines)
        .map(|(letter, (expression, legend))| {
            json!({
                "refId": char::from(letter).to_string(),
                "expr": expression().text(),
                "legendFormat": legend,
                "datasource": source,
            })
        })
        .collect();
    json!({
        "id": place + 1,
        "type": match panel.look {
            Look::Lines => "timeseries",
            Look::Number => "stat",
            Look::States => "state-timeline",
        },
        "title": panel.title,
        "description": panel.description,
        "datasource": source,
        "gridPos": { "x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT },
        "options": options(panel),
        "fieldConfig": { "defaults": { "unit": unit(panel.unit), "min": minimum(panel.unit) }, "overrides": [] },
        "targets": targets,
    })
}

/// A truth in large says nothing but its series' name.
fn options(panel: &Panel) -> Value {
    match (panel.look, panel.unit) {
        (Look::Number, Unit::Truth) => json!({ "textMode": "name" }),
        _ => json!({}),
    }
}

/// The axis in Grafana's words.
const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Count | Unit::Weight | Unit::MicroStx => "short",
        Unit::Truth | Unit::Height => "none",
        Unit::Seconds => "s",
        Unit::Timestamp => "dateTimeFromNow",
        Unit::Bytes => "bytes",
    }
}

/// Heights and times would be flat lines above zero.
const fn minimum(unit: Unit) -> Option<u32> {
    match unit {
        Unit::Height | Unit::Timestamp => None,
        _ => Some(0),
    }
}

/// Grafana's grid has 24 columns.
const PER_ROW: u32 = 3;
const WIDTH: u32 = 8;
const HEIGHT: u32 = 7;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use std::collections::BTreeSet;

    use super::*;
    use crate::promql::Named;

    #[test]
    fn every_panel_names_only_what_the_registry_has() {
        let mut names = BTreeSet::new();
        for dashboard in DASHBOARDS {
            assert!(names.insert(dashboard.name));
            assert!(dashboard.panels.len() >= 5, "{}", dashboard.name);
            for panel in dashboard.panels {
                assert!(
                    !panel.lines.is_empty() && !panel.description.is_empty(),
                    "{}",
                    panel.title
                );
                for (expression, legend) in panel.lines {
                    let expression = expression();
                    assert!(!expression.named().is_empty(), "{}", panel.title);
                    let fault = expression.named().iter().find_map(Named::fault);
                    assert_eq!(fault, None, "{}", panel.title);
                    let labels: BTreeSet<&str> = expression
                        .named()
                        .iter()
                        .flat_map(|named| named.metric.labels.iter().map(|label| label.name))
                        .chain(["job", "instance"])
                        .collect();
                    for part in legend.split("{{").skip(1) {
                        let label = part.split("}}").next().unwrap();
                        assert!(labels.contains(label), "{}: {label}", panel.title);
                    }
                }
            }
        }
    }

    #[test]
    fn a_dashboard_is_json_whose_panels_do_not_overlap() {
        for (name, text) in dashboards() {
            let middle =
                name.strip_prefix("countersign-").and_then(|rest| rest.strip_suffix(".json"));
            assert!(middle.is_some_and(|middle| !middle.is_empty()), "{name}");
            let board: Value = serde_json::from_str(&text).unwrap();
            let mut places = BTreeSet::new();
            for panel in board["panels"].as_array().unwrap() {
                let place = &panel["gridPos"];
                assert!(places.insert((place["x"].as_u64(), place["y"].as_u64())), "{name}");
                assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24);
            }
            assert!(!text.contains("http"), "{name} fetches nothing");
        }
    }
}
