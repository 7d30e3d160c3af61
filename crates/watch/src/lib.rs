//! Every metric that Countersign has, in one table, and what is made from it: alert rules, dashboards and the
//! pages that say what to do about an alert.
//!
//! A rule names a metric by its entry in the registry, so none can name a metric that does not exist. Pure: text
//! comes out, files are written elsewhere.

pub mod alert;
pub mod alertmanager;
pub mod dashboard;
pub mod promql;
pub mod registry;
mod text;

pub use alert::{WeightCap, rules, rules_with};
pub use alertmanager::{Channels, alertmanager};
pub use dashboard::dashboards;
