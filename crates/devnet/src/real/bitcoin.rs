//! A bitcoind on regtest: its configuration file and its JSON-RPC.

use std::net::SocketAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::http::{self, Answer, Content, HttpError};

/// The way to a bitcoind.
#[derive(Clone, Debug)]
pub(super) struct Bitcoin {
    address: SocketAddr,
    authorization: String,
}

/// Why a bitcoind does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum BitcoinError {
    /// It does not answer.
    #[error("bitcoind: {0}")]
    Http(#[from] HttpError),
    /// It refuses.
    #[error("bitcoind refuses {method}: {message}")]
    Refused {
        /// The call.
        method: &'static str,
        /// Its words.
        message: String,
    },
    /// The answer is none to this call.
    #[error("bitcoind answers {method} with something else: {answer}")]
    Shape {
        /// The call.
        method: &'static str,
        /// What came.
        answer: String,
    },
}

/// Where a bitcoind listens and who may call it.
#[derive(Debug)]
pub(super) struct BitcoinSettings<'a> {
    pub(super) rpc: SocketAddr,
    pub(super) peer: SocketAddr,
    pub(super) password: &'a str,
}

/// The only user of the RPC.
pub(super) const USER: &str = "countersign";

impl BitcoinSettings<'_> {
    /// `bitcoin.conf`. The wallet is switched off where there is one, so that every build behaves
    /// the same: the miner's calls are answered by [`Wallet`](super::wallet::Wallet).
    pub(super) fn to_conf(&self) -> String {
        let Self { rpc, peer, password } = self;
        format!(
            "regtest=1\nserver=1\ntxindex=1\ndisablewallet=1\ndnsseed=0\nfixedseeds=0\ndiscover=0\n\
             printtoconsole=1\nrpcuser={USER}\nrpcpassword={password}\n\
             [regtest]\nlisten=1\nbind={peer}\nrpcbind={}\nrpcport={}\nrpcallowip={}\n\
             rpcthreads=16\nrpcworkqueue=256\n",
            rpc.ip(),
            rpc.port(),
            rpc.ip(),
        )
    }

    /// The arguments of the program.
    pub(super) fn arguments(conf: &Path, data: &Path) -> Vec<std::ffi::OsString> {
        let option = |name: &str, path: &Path| {
            let mut option = std::ffi::OsString::from(name);
            option.push(path);
            option
        };
        vec![option("-conf=", conf), option("-datadir=", data)]
    }
}

impl Bitcoin {
    /// The one that listens here.
    pub(super) fn new(address: SocketAddr, password: &str) -> Self {
        Self { address, authorization: basic(USER, password) }
    }

    /// Whether a request shows that it knows the password.
    pub(super) fn is_authorized(&self, authorization: Option<&str>) -> bool {
        authorization == Some(&self.authorization)
    }

    /// Passes a request on.
    pub(super) async fn forward(&self, body: Bytes) -> Result<Answer, HttpError> {
        let content = Content {
            authorization: Some(&self.authorization),
            kind: Some("application/json"),
            body,
        };
        http::post(self.address, "/", content).await
    }

    /// Calls a method.
    pub(super) async fn call(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<Value, BitcoinError> {
        let request =
            json!({ "jsonrpc": "1.0", "id": "devnet", "method": method, "params": params });
        let answer = self.forward(Bytes::from(request.to_string())).await?;
        let shape = || BitcoinError::Shape { method, answer: answer.text() };
        let mut json: Value = serde_json::from_slice(&answer.body).map_err(|_| shape())?;
        match json.get("error") {
            Some(Value::Null) | None => {}
            Some(error) => {
                let message = error.get("message").and_then(Value::as_str).map(str::to_owned);
                let message = message.unwrap_or_else(|| error.to_string());
                return Err(BitcoinError::Refused { method, message });
            }
        }
        json.get_mut("result").map(Value::take).ok_or_else(shape)
    }

    /// The height of its tip.
    pub(super) async fn height(&self) -> Result<u64, BitcoinError> {
        let height = self.call("getblockcount", json!([])).await?;
        let shape = || BitcoinError::Shape { method: "getblockcount", answer: height.to_string() };
        height.as_u64().ok_or_else(shape)
    }

    /// Mines a block with everything that waits in the memory pool.
    pub(super) async fn mine(&self) -> Result<(), BitcoinError> {
        self.call("generatetodescriptor", json!([1, NOBODY])).await.map(drop)
    }

    /// Mines a block without any transaction, so that no miner can win.
    pub(super) async fn mine_empty(&self) -> Result<(), BitcoinError> {
        self.call("generateblock", json!([NOBODY, []])).await.map(drop)
    }

    /// Mines `blocks` blocks whose coinbases go to this address.
    pub(super) async fn fund(&self, address: &str, blocks: u64) -> Result<(), BitcoinError> {
        self.call("generatetoaddress", json!([blocks, address])).await.map(drop)
    }

    /// The ids of the transactions in the memory pool.
    pub(super) async fn mempool(&self) -> Result<Vec<String>, BitcoinError> {
        let pool = self.call("getrawmempool", json!([])).await?;
        let shape = || BitcoinError::Shape { method: "getrawmempool", answer: pool.to_string() };
        let txids = pool.as_array().ok_or_else(shape)?;
        Ok(txids.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }
}

/// Whoever wants may spend these coins; here nobody does.
const NOBODY: &str = "raw(51)";

/// The value of an `Authorization` header.
fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_shown_as_rfc_7617_has_it() {
        assert_eq!(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
