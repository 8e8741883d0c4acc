//! Transactions.

use std::str::FromStr;

use super::client::Client;
use super::error::{Error, Result};
use super::key_value::TxnReply;
use super::range::{Keys, PutOptions, RangeOptions, deletion};
use crate::messages::fields::from_json;
use crate::messages::kv::{self, CompareTarget, Operand, RequestOp, TxnRequest};
use crate::operation::{Flat, Keys as Checked};

/// A transaction: if all conditions hold, the operations of one list, else those of another, as one change. Etcd's JSON of
/// one is read by [`parse`](str::parse).
///
/// What is wrong with a part of it is the error of the call that it is used in.
///
/// ```
/// use etcd::{Compare, Op, Txn};
/// # let Ok(url) = std::env::var("ETCD_DOCTEST") else { return Ok(()) };
/// # let client = etcd::Config::new().endpoints([url]).api(etcd::ApiVersion::V3).connect()?;
/// # client.delete_range("doc/to")?;
/// client.put("doc/from", "1")?;
/// let moved = client.txn(
///     &Txn::new()
///         .when([Compare::absent("doc/to"), Compare::value("doc/from").equals("1")])
///         .then([Op::put("doc/to", "1"), Op::delete("doc/from")])
///         .otherwise([Op::get("doc/from")]),
/// )?;
/// println!("{}", if moved.succeeded { "moved" } else { "not moved" });
/// # assert!(moved.succeeded);
/// # Ok::<(), etcd::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use]
pub struct Txn {
    request: TxnRequest,
    error: Option<Error>,
}

impl Txn {
    /// Without a condition: they all hold.
    pub fn new() -> Txn {
        Txn::default()
    }

    /// Conditions, all of which must hold.
    pub fn when(mut self, conditions: impl IntoIterator<Item = Compare>) -> Txn {
        for Compare(condition) in conditions {
            let condition = self.checked(condition);
            self.request.compare.extend(condition);
        }
        self
    }

    /// What is done if they hold.
    pub fn then(mut self, operations: impl IntoIterator<Item = Op>) -> Txn {
        for Op(operation) in operations {
            let operation = self.checked(operation);
            self.request.success.extend(operation);
        }
        self
    }

    /// What is done if not.
    pub fn otherwise(mut self, operations: impl IntoIterator<Item = Op>) -> Txn {
        for Op(operation) in operations {
            let operation = self.checked(operation);
            self.request.failure.extend(operation);
        }
        self
    }

    /// The first error is kept for who uses it.
    fn checked<T>(&mut self, part: Result<T>) -> Option<T> {
        part.map_err(|error| self.error.get_or_insert(error).code).ok()
    }

    pub(super) fn request(&self) -> Result<&TxnRequest> {
        self.error.clone().map_or(Ok(&self.request), Err)
    }
}

impl FromStr for Txn {
    type Err = Error;

    fn from_str(json: &str) -> Result<Txn> {
        Ok(Txn { request: from_json(json, "json")?, error: None })
    }
}

/// A condition of a transaction.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Compare(Result<kv::Compare>);

impl Compare {
    /// There is no such key.
    pub fn absent(key: impl Into<Keys>) -> Compare {
        Compare::version(key).equals(0)
    }

    /// There is such a key.
    pub fn present(key: impl Into<Keys>) -> Compare {
        Compare::version(key).is_greater_than(0)
    }

    /// A key's value; of a range, that of each.
    pub fn value(keys: impl Into<Keys>) -> Subject<Vec<u8>> {
        Subject::new(keys.into(), CompareTarget::Value, Operand::Value)
    }

    /// How often a key was written since its creation; 0 for one that is not there.
    pub fn version(keys: impl Into<Keys>) -> Subject<i64> {
        Subject::new(keys.into(), CompareTarget::Version, Operand::Version)
    }

    /// The revision of a key's creation; 0 for one that is not there.
    pub fn create_revision(keys: impl Into<Keys>) -> Subject<i64> {
        Subject::new(keys.into(), CompareTarget::Create, Operand::CreateRevision)
    }

    /// The revision of a key's last change; 0 for one that is not there.
    pub fn mod_revision(keys: impl Into<Keys>) -> Subject<i64> {
        Subject::new(keys.into(), CompareTarget::Mod, Operand::ModRevision)
    }

    /// The id of a key's lease; 0 where there is none.
    pub fn lease(keys: impl Into<Keys>) -> Subject<i64> {
        Subject::new(keys.into(), CompareTarget::Lease, Operand::Lease)
    }
}

/// What a condition compares, and is yet to be told what with.
#[derive(Debug, Clone)]
#[must_use]
pub struct Subject<V> {
    keys: Keys,
    target: CompareTarget,
    operand: fn(V) -> Operand,
}

impl<V> Subject<V> {
    fn new(keys: Keys, target: CompareTarget, operand: fn(V) -> Operand) -> Subject<V> {
        Subject { keys, target, operand }
    }

    /// It is this.
    pub fn equals(self, value: impl Into<V>) -> Compare {
        self.compare(kv::CompareResult::Equal, value.into())
    }

    /// It is something else.
    pub fn differs_from(self, value: impl Into<V>) -> Compare {
        self.compare(kv::CompareResult::NotEqual, value.into())
    }

    /// It is greater; values are compared byte by byte.
    pub fn is_greater_than(self, value: impl Into<V>) -> Compare {
        self.compare(kv::CompareResult::Greater, value.into())
    }

    /// It is less, likewise.
    pub fn is_less_than(self, value: impl Into<V>) -> Compare {
        self.compare(kv::CompareResult::Less, value.into())
    }

    fn compare(self, result: kv::CompareResult, value: V) -> Compare {
        let operand = Some((self.operand)(value));
        Compare(self.keys.checked().map(|Checked { key, range_end }| kv::Compare {
            result: result as i32,
            target: self.target as i32,
            key,
            operand,
            range_end,
        }))
    }
}

/// An operation of a transaction.
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct Op(Result<RequestOp>);

impl Op {
    /// Reads a key, or all keys of a range, not in pages.
    pub fn get(keys: impl Into<Keys>) -> Op {
        Op::get_with(keys, RangeOptions::new())
    }

    /// The same with options.
    pub fn get_with(keys: impl Into<Keys>, options: RangeOptions) -> Op {
        Op(options.request(keys.into()).map(RequestOp::from))
    }

    /// Writes a key.
    pub fn put(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Op {
        Op::put_with(key, value, PutOptions::new())
    }

    /// The same with options.
    pub fn put_with(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, options: PutOptions) -> Op {
        Op(options.request(key.as_ref(), value.as_ref()).map(RequestOp::from))
    }

    /// Deletes a key, or all keys of a range.
    pub fn delete(keys: impl Into<Keys>) -> Op {
        Op(deletion(keys.into(), false).map(RequestOp::from))
    }

    /// The same; the reply has the keys as they were.
    pub fn take(keys: impl Into<Keys>) -> Op {
        Op(deletion(keys.into(), true).map(RequestOp::from))
    }

    /// A transaction within.
    pub fn txn(txn: Txn) -> Op {
        Op(txn.request().cloned().map(RequestOp::from))
    }
}

/// # Transactions
impl Client {
    /// Carries out a transaction, over v3 only. That its conditions do not hold is no error.
    ///
    /// Errors: 1001, 209 (larger than the server takes, or more operations than its `--max-txn-ops`), 1010 (over v2), and
    /// those of every call. etcd: `KV/Txn`.
    pub fn txn(&self, txn: &Txn) -> Result<TxnReply> {
        self.flat(Flat::Txn(txn.request()?.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_the_one_that_its_json_says() {
        let built = Txn::new()
            .when([
                Compare::absent("to"),
                Compare::value("from").equals("1"),
                Compare::version("a".."c").is_less_than(7),
            ])
            .then([Op::put("to", "1"), Op::delete("from"), Op::txn(Txn::new().then([Op::get(..)]))])
            .otherwise([Op::get_with("from", RangeOptions::new().limit(3))]);
        let json = r#"{
            "compare": [{"key":"to","version":0},{"key":"from","value":"1"},
                {"key":"a","range_end":"c","version":7,"result":"LESS"}],
            "success": [{"request_put":{"key":"to","value":"1"}},{"request_delete_range":{"key":"from"}},
                {"request_txn":{"success":[{"request_range":{"key_base64":"AA==","range_end_base64":"AA=="}}]}}],
            "failure": [{"request_range":{"key":"from","limit":3}}]}"#;
        assert_eq!(built, json.parse().unwrap());
    }

    #[test]
    fn the_first_part_that_is_wrong_is_the_error() {
        let wrong = Txn::new().then([Op::put("", "1"), Op::get("a".."")]).when([Compare::absent("")]);
        assert!(wrong.request().unwrap_err().cause.starts_with("key: must not be empty"));
        assert!("{".parse::<Txn>().unwrap_err().cause.starts_with("json: must be JSON"));
    }
}
