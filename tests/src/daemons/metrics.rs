//! What a daemon's metrics page says.

use std::net::SocketAddr;
use std::time::Duration;

use super::{get, poll};

/// A page of metrics in Prometheus' text format.
#[derive(Clone, Debug)]
pub struct Metrics(String);

impl Metrics {
    /// The page as it is now.
    pub async fn of(address: SocketAddr) -> Self {
        let answer = get(address, "/metrics").await;
        assert_eq!(answer.status, 200);
        Self(answer.body)
    }

    /// The value of a series as it is written, such as `name{label="value"}`; zero if it is not
    /// there yet.
    pub fn value(&self, series: &str) -> f64 {
        self.0
            .lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
            .unwrap_or(0.0)
    }

    /// Whether a family of this name and kind is declared.
    pub fn declares(&self, name: &str, kind: &str) -> bool {
        self.0.lines().any(|line| line == format!("# TYPE {name} {kind}"))
    }

    /// Waits until a series is larger than `before`.
    pub async fn grows(address: SocketAddr, series: &str, before: f64) {
        let what = format!("{series} to grow beyond {before}");
        let look = async || (Self::of(address).await.value(series) > before).then_some(());
        poll(Duration::from_secs(20), &what, look).await;
    }
}
