//! The wallet of the miner: a proxy in front of a bitcoind, so that it needs none.
//!
//! A stacks-node that mines on regtest makes a handful of wallet calls and signs its transactions
//! itself. Those calls are answered from the chain and the memory pool here, and everything else is
//! passed on. So a bitcoind that was built without a wallet will do, and nobody has to know how a
//! node derives its Bitcoin key: the first address that it asks for coins is paid.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::bitcoin::{Bitcoin, BitcoinError};
use super::http::{Answer, Answers, Asked};

/// The name of the only wallet.
pub(super) const WALLET: &str = "miner";

/// Answers a miner's wallet calls.
#[derive(Debug)]
pub(super) struct Wallet {
    bitcoin: Bitcoin,
    /// Up to this height Bitcoin's coinbases are the miner's.
    funded_at: u64,
    /// The miner's address, once it has been paid.
    miner: OnceCell<String>,
    /// bitcoind looks through its coins for one caller at a time.
    scanning: tokio::sync::Semaphore,
}

impl Wallet {
    /// A wallet that will pay its first user all blocks up to this height.
    pub(super) fn new(bitcoin: Bitcoin, funded_at: u64) -> Arc<Self> {
        let scanning = tokio::sync::Semaphore::new(1);
        Arc::new(Self { bitcoin, funded_at, miner: OnceCell::new(), scanning })
    }

    async fn call(&self, method: &str, params: &Value) -> Option<Result<Value, BitcoinError>> {
        Some(match method {
            "listwallets" => Ok(json!([WALLET])),
            "listwalletdir" => Ok(json!({ "wallets": [{ "name": WALLET }] })),
            "createwallet" | "loadwallet" => Ok(json!({ "name": WALLET, "warnings": [] })),
            "importdescriptors" => {
                let count = params.get(0).and_then(Value::as_array).map_or(0, Vec::len);
                Ok(json!(vec![json!({ "success": true }); count]))
            }
            "listunspent" => self.unspent(&Query::read(params)).await,
            "gettransaction" => self.transaction(params).await,
            _ => return None,
        })
    }

    /// Pays the first address that is asked for.
    async fn fund(&self, address: &str) -> Result<(), BitcoinError> {
        let fund = async || {
            let missing = self.funded_at.saturating_sub(self.bitcoin.height().await?);
            if missing > 0 {
                self.bitcoin.fund(address, missing).await?;
            }
            Ok(address.to_owned())
        };
        self.miner.get_or_try_init(fund).await.map(drop)
    }

    async fn unspent(&self, query: &Query) -> Result<Value, BitcoinError> {
        if let Some(address) = query.addresses.first() {
            self.fund(address).await?;
        }
        // The pool first: what is mined in between is then seen twice rather than not at all.
        let mut pool = Vec::new();
        for txid in self.bitcoin.mempool().await? {
            // It may have been mined since.
            if let Ok(tx) = self.bitcoin.call("getrawtransaction", json!([txid, true])).await {
                pool.push(tx);
            }
        }
        let descriptors: Vec<_> =
            query.addresses.iter().map(|address| format!("addr({address})")).collect();
        let _scanning = self.scanning.acquire().await;
        let scan = self.bitcoin.call("scantxoutset", json!(["start", descriptors])).await?;
        Ok(Value::Array(spendable(&scan, &pool, query)))
    }

    async fn transaction(&self, params: &Value) -> Result<Value, BitcoinError> {
        let txid = params.get(0).cloned().unwrap_or_default();
        let tx = self.bitcoin.call("getrawtransaction", json!([txid, true])).await?;
        Ok(json!({
            "txid": txid,
            "hex": tx.get("hex"),
            "blockhash": tx.get("blockhash"),
            "confirmations": tx.get("confirmations").and_then(Value::as_u64).unwrap_or(0),
            "amount": 0,
            "details": [],
            "walletconflicts": [],
            "time": 0,
            "timereceived": 0,
            "bip125-replaceable": "unknown",
        }))
    }
}

impl Answers for Wallet {
    async fn answer(&self, asked: Asked) -> Answer {
        if !self.bitcoin.is_authorized(asked.authorization.as_deref()) {
            return Answer::json(401, &Value::Null);
        }
        let request: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
        let none = json!([]);
        let called = self.call(method, request.get("params").unwrap_or(&none)).await;
        let id = request.get("id");
        match called {
            None => match self.bitcoin.forward(asked.body).await {
                Ok(answer) => answer,
                Err(error) => failure(503, id, &error.to_string()),
            },
            Some(Ok(result)) => {
                Answer::json(200, &json!({ "result": result, "error": null, "id": id }))
            }
            Some(Err(error)) => failure(500, id, &error.to_string()),
        }
    }
}

fn failure(status: u16, id: Option<&Value>, message: &str) -> Answer {
    let error = json!({ "code": -1, "message": message });
    Answer::json(status, &json!({ "result": null, "error": error, "id": id }))
}

/// What `listunspent` asks for.
#[derive(Debug, Default, PartialEq)]
struct Query {
    min_confirmations: u64,
    max_confirmations: Option<u64>,
    addresses: Vec<String>,
    minimum_amount: f64,
    /// Not limited if zero.
    maximum_count: usize,
}

impl Query {
    fn read(params: &Value) -> Self {
        let options = params.get(4);
        let option = |name: &str| options.and_then(|options| options.get(name));
        // The amount comes as a number or as a string of one.
        let amount = option("minimumAmount");
        let amount = amount.and_then(|amount| amount.as_f64().or(amount.as_str()?.parse().ok()));
        let count = option("maximumCount").and_then(Value::as_u64).unwrap_or(0);
        let addresses = params.get(2).and_then(Value::as_array);
        Self {
            min_confirmations: params.get(0).and_then(Value::as_u64).unwrap_or(1),
            max_confirmations: params.get(1).and_then(Value::as_u64),
            addresses: addresses
                .map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                .unwrap_or_default(),
            minimum_amount: amount.unwrap_or(0.0),
            maximum_count: usize::try_from(count).unwrap_or(usize::MAX),
        }
    }

    fn wants(&self, confirmations: u64, amount: f64) -> bool {
        confirmations >= self.min_confirmations
            && self.max_confirmations.is_none_or(|most| confirmations <= most)
            && amount >= self.minimum_amount.max(DUST)
    }
}

/// A transaction output: its transaction and its place.
type Outpoint = (String, u64);

fn outpoint(json: &Value, place: &str) -> Option<Outpoint> {
    Some((json.get("txid")?.as_str()?.to_owned(), json.get(place)?.as_u64()?))
}

/// The coins of a scan that nobody in the pool spends, and those that the pool makes.
fn spendable(scan: &Value, pool: &[Value], query: &Query) -> Vec<Value> {
    let list = |json: &Value, key: &str| json.get(key).and_then(Value::as_array).cloned();
    let height = scan.get("height").and_then(Value::as_u64).unwrap_or(0);
    let spent: BTreeSet<Outpoint> = pool
        .iter()
        .flat_map(|tx| list(tx, "vin").unwrap_or_default())
        .filter_map(|input| outpoint(&input, "vout"))
        .collect();
    let mut coins = BTreeMap::new();
    for coin in list(scan, "unspents").unwrap_or_default() {
        let Some(at) = outpoint(&coin, "vout") else { continue };
        let mined = coin.get("height").and_then(Value::as_u64).unwrap_or(height);
        let confirmations = (height + 1).saturating_sub(mined);
        let is_coinbase = coin.get("coinbase").and_then(Value::as_bool) == Some(true);
        let amount = coin.get("amount").and_then(Value::as_f64).unwrap_or(0.0);
        let is_ripe = !is_coinbase || confirmations > COINBASE_MATURITY;
        if is_ripe && query.wants(confirmations, amount) {
            let script = coin.get("scriptPubKey").cloned().unwrap_or_default();
            let owner = owner_of(&coin);
            coins.insert(at.clone(), listed(&at, &owner, &script, amount, confirmations));
        }
    }
    for tx in pool {
        let txid = tx.get("txid").and_then(Value::as_str).unwrap_or_default();
        for output in list(tx, "vout").unwrap_or_default() {
            let owner = output.pointer("/scriptPubKey/address").and_then(Value::as_str);
            let is_ours = owner.is_some_and(|owner| query.addresses.iter().any(|own| own == owner));
            let place = output.get("n").and_then(Value::as_u64);
            let amount = output.get("value").and_then(Value::as_f64).unwrap_or(0.0);
            let Some(place) = place.filter(|_| is_ours && query.wants(0, amount)) else { continue };
            let script = output.pointer("/scriptPubKey/hex").cloned().unwrap_or_default();
            let at = (txid.to_owned(), place);
            let owner = owner.unwrap_or_default();
            coins.entry(at.clone()).or_insert_with(|| listed(&at, owner, &script, amount, 0));
        }
    }
    coins.retain(|at, _| !spent.contains(at));
    let most = if query.maximum_count == 0 { usize::MAX } else { query.maximum_count };
    coins.into_values().take(most).collect()
}

/// The address that a coin of a scan was found by: `addr(…)#checksum`.
fn owner_of(coin: &Value) -> String {
    let descriptor = coin.get("desc").and_then(Value::as_str).unwrap_or_default();
    let owner = descriptor.strip_prefix("addr(").and_then(|rest| rest.split_once(')'));
    owner.map(|(owner, _)| owner.to_owned()).unwrap_or_default()
}

/// Every key that a miner's parser asks for.
fn listed(
    (txid, vout): &Outpoint,
    owner: &str,
    script: &Value,
    amount: f64,
    confirmations: u64,
) -> Value {
    json!({
        "txid": txid,
        "vout": vout,
        "address": owner,
        "scriptPubKey": script,
        "amount": amount,
        "confirmations": confirmations,
        "spendable": true,
        "solvable": true,
        "safe": true,
        "label": "",
        "desc": "",
    })
}

const COINBASE_MATURITY: u64 = 100;
/// Smaller amounts are of no use to a miner, and JSON would write them with an exponent, which a
/// stacks-node does not read. In bitcoin.
const DUST: f64 = 0.0001;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use super::*;

    fn query() -> Query {
        Query::read(&json!([0, 9_999_999, ["miner"], true, { "minimumAmount": "0.5" }]))
    }

    fn scan() -> Value {
        json!({ "height": 200, "unspents": [
            { "txid": "aa", "vout": 0, "scriptPubKey": "76", "desc": "addr(miner)#0",
              "amount": 50.0, "coinbase": true, "height": 100 },
            { "txid": "bb", "vout": 1, "scriptPubKey": "76", "desc": "addr(miner)#0",
              "amount": 12.5, "coinbase": false, "height": 200 },
        ]})
    }

    fn spending(txid: &str, vout: u64) -> Value {
        json!({ "txid": "cc", "vin": [{ "txid": txid, "vout": vout }], "vout": [
            { "n": 0, "value": 0.0, "scriptPubKey": { "hex": "6a" } },
            { "n": 1, "value": 12.0, "scriptPubKey": { "hex": "76", "address": "miner" } },
            { "n": 2, "value": 1.0, "scriptPubKey": { "hex": "00", "address": "another" } },
        ]})
    }

    fn ids(coins: &[Value]) -> Vec<&str> {
        coins.iter().map(|coin| coin["txid"].as_str().unwrap()).collect()
    }

    #[test]
    fn coins_of_the_chain_are_listed_with_their_confirmations() {
        let coins = spendable(&scan(), &[], &query());
        assert_eq!(ids(&coins), ["aa", "bb"]);
        assert_eq!(coins[0]["address"], "miner");
        assert_eq!(
            (&coins[0]["confirmations"], &coins[1]["confirmations"]),
            (&json!(101), &json!(1))
        );
    }

    #[test]
    fn a_coinbase_is_not_listed_before_it_can_be_spent() {
        let mut scan = scan();
        scan["unspents"][0]["height"] = json!(101);
        assert_eq!(ids(&spendable(&scan, &[], &query())), ["bb"]);
    }

    #[test]
    fn a_transaction_in_the_pool_takes_its_coin_and_gives_its_change() {
        let coins = spendable(&scan(), &[spending("bb", 1)], &query());
        assert_eq!(ids(&coins), ["aa", "cc"]);
        assert_eq!((&coins[1]["vout"], &coins[1]["confirmations"]), (&json!(1), &json!(0)));
    }

    #[test]
    fn change_that_was_mined_between_the_two_looks_is_listed_once() {
        let mut scan = scan();
        scan["unspents"][1] = json!(
            { "txid": "cc", "vout": 1, "scriptPubKey": "76", "amount": 12.0, "height": 200 });
        let coins = spendable(&scan, &[spending("bb", 1)], &query());
        assert_eq!(ids(&coins), ["aa", "cc"]);
        assert_eq!(coins[1]["confirmations"], json!(1));
    }

    #[test]
    fn amounts_and_counts_that_are_asked_for_are_kept_to() {
        let dear = Query { minimum_amount: 20.0, ..query() };
        assert_eq!(ids(&spendable(&scan(), &[], &dear)), ["aa"]);
        let few = Query { maximum_count: 1, ..query() };
        assert_eq!(spendable(&scan(), &[], &few).len(), 1);
        let old = Query { min_confirmations: 2, ..query() };
        assert_eq!(ids(&spendable(&scan(), &[], &old)), ["aa"]);
    }

    #[test]
    fn the_smallest_amount_is_written_without_an_exponent() {
        assert_eq!(json!(DUST).to_string(), "0.0001");
    }
}
