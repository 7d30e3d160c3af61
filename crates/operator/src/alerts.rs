//! An alert on purpose, so that somebody sees that alerts arrive.

use std::path::Path;
use std::time::Duration;

use countersign_node::web::AUTHORITIES;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::deadman::AlarmError;
use crate::deadman::Way;

/// Why the alert was not taken.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// The address is none.
    #[error("{0}: not the address of an Alertmanager, such as 127.0.0.1:9093")]
    Address(String),
    /// Alertmanager does not take it.
    #[error("Alertmanager at {address} does not take the alert")]
    Refused {
        /// Its address.
        address: String,
        /// Why.
        #[source]
        source: AlarmError,
    },
    /// It does not answer.
    #[error("Alertmanager at {0} does not answer within 10 s")]
    Silent(String),
}

/// Gives Alertmanager an alert that ends by itself after five minutes. It goes the way of every alert of its
/// severity. What comes back is what was sent.
pub async fn send_test(address: &str, severity: &str, host: &str) -> Result<Value, TestError> {
    let alert = json!([{
        "labels": {
            "alertname": "TestAlert",
            "severity": severity,
            "group": "watching",
            "topic": "test",
            "host": host,
        },
        "annotations": {
            "summary": "this is a test: somebody wants to know whether alerts arrive",
            "threshold": "somebody has asked for it",
            "command": "countersign alerts list",
            "runbook_url": "docs/operator/watching.md",
        },
    }]);
    let url = format!("http://{address}/api/v2/alerts");
    let target = url.parse().map_err(|_| TestError::Address(address.to_owned()))?;
    let way = Way::webhook(target, Path::new(AUTHORITIES));
    match timeout(PATIENCE, way.tell(&alert)).await {
        Ok(Ok(())) => Ok(alert),
        Ok(Err(source)) => Err(TestError::Refused { address: address.to_owned(), source }),
        Err(_) => Err(TestError::Silent(address.to_owned())),
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
