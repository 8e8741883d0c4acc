//! Keys of v3's store, and what calls on them bring.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::bytes::either;

/// A key of v3's store with its value: any bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Json")]
#[non_exhaustive]
pub struct KeyValue {
    /// The key.
    pub key: Vec<u8>,
    /// Its value; empty where it was not asked for.
    pub value: Vec<u8>,
    /// The revision of its creation.
    pub create_revision: i64,
    /// The revision of its last change.
    pub mod_revision: i64,
    /// How often it was written since its creation; 1 for one that was just created.
    pub version: i64,
    /// The id of the lease that it ends with; 0: none.
    pub lease: i64,
}

#[derive(Deserialize)]
struct Json {
    key: Option<String>,
    key_base64: Option<String>,
    value: Option<String>,
    value_base64: Option<String>,
    #[serde(default)]
    create_revision: i64,
    #[serde(default)]
    mod_revision: i64,
    #[serde(default)]
    version: i64,
    #[serde(default, deserialize_with = "id")]
    lease: i64,
}

impl From<Json> for KeyValue {
    fn from(json: Json) -> KeyValue {
        KeyValue {
            key: either(json.key, json.key_base64).unwrap_or_default(),
            value: either(json.value, json.value_base64).unwrap_or_default(),
            create_revision: json.create_revision,
            mod_revision: json.mod_revision,
            version: json.version,
            lease: json.lease,
        }
    }
}

/// Where in its history v3's store was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RevisionHeader {
    /// Of the cluster that answered.
    #[serde(deserialize_with = "id")]
    pub cluster_id: u64,
    /// Of the member that answered.
    #[serde(deserialize_with = "id")]
    pub member_id: u64,
    /// How far the store was; after a write, the revision of that.
    pub revision: i64,
    /// The term of the cluster's leader.
    pub raft_term: u64,
}

/// What [`Client::range`](crate::Client::range) found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct RangeReply {
    /// Of the revision at which all was read.
    #[serde(default)]
    pub header: RevisionHeader,
    /// The keys, in their order.
    pub kvs: Vec<KeyValue>,
    /// Whether a limit left any out.
    pub more: bool,
    /// How many the range has.
    pub count: u64,
}

/// What [`Client::put`](crate::Client::put) has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct PutReply {
    /// Its revision is the key's `mod_revision` now.
    #[serde(default)]
    pub header: RevisionHeader,
    /// The key as it was, if that was asked for and it was there.
    pub prev_kv: Option<KeyValue>,
}

/// What [`Client::delete_range`](crate::Client::delete_range) has done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct DeleteReply {
    /// Of the revision after it.
    #[serde(default)]
    pub header: RevisionHeader,
    /// How many keys were deleted.
    pub deleted: u64,
    /// The keys as they were, if that was asked for.
    #[serde(default)]
    pub prev_kvs: Vec<KeyValue>,
}

/// What a transaction has done.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct TxnReply {
    /// Of the revision after it.
    #[serde(default)]
    pub header: RevisionHeader,
    /// Whether all conditions held.
    pub succeeded: bool,
    /// What each operation of that list has brought.
    pub responses: Vec<OpReply>,
}

/// What one operation of a transaction has brought.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum OpReply {
    /// Of [`Op::get`](crate::Op::get).
    #[serde(rename = "response_range")]
    Range(RangeReply),
    /// Of [`Op::put`](crate::Op::put).
    #[serde(rename = "response_put")]
    Put(PutReply),
    /// Of [`Op::delete`](crate::Op::delete).
    #[serde(rename = "response_delete_range")]
    Delete(DeleteReply),
    /// Of [`Op::txn`](crate::Op::txn).
    #[serde(rename = "response_txn")]
    Txn(TxnReply),
}

impl OpReply {
    /// The keys that were read or deleted.
    pub fn kvs(&self) -> &[KeyValue] {
        match self {
            OpReply::Range(reply) => &reply.kvs,
            OpReply::Delete(reply) => &reply.prev_kvs,
            OpReply::Put(_) | OpReply::Txn(_) => &[],
        }
    }
}

/// An id, which stands in JSON as a decimal string.
fn id<'de, D: Deserializer<'de>, N: std::str::FromStr>(reader: D) -> Result<N, D::Error> {
    let text = String::deserialize(reader)?;
    text.parse().map_err(|_| D::Error::custom(format!("{text:?} is no id")))
}
