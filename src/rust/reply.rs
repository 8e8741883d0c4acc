//! What etcd answers to calls on keys, and what watches of keys deliver.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::bytes::either;
use super::error::{Error, Result};
use super::header::Header;
use crate::base::error;

/// etcd's answer to a call on keys, or one change that a watch has seen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Reply {
    /// What was done: "get", "set", "create", "update", "delete", "compareAndSwap", "expire" and so on; "resync" if a watch
    /// has missed changes.
    pub action: String,
    /// The state now. `None` where the reply was to leave it out, and where a resync finds nothing.
    pub node: Option<Node>,
    /// The state before, if there was one.
    pub prev_node: Option<Node>,
    /// Of a resync: which changes are not known.
    pub missed: Option<Missed>,
    /// Where in the store's history the answer stands.
    pub header: Option<Header>,
}

impl Reply {
    /// The value that is there now.
    pub fn value(&self) -> Option<&str> {
        self.node.as_ref()?.value.as_deref()
    }

    /// The index of the store when it answered; 0 where it is not told. For [`Mirror::wait`](crate::Mirror::wait).
    pub fn index(&self) -> u64 {
        self.header.as_ref().map_or(0, |header| header.etcd_index)
    }

    /// The index that comes after this change: where a watch resumes.
    pub fn next_index(&self) -> u64 {
        match (&self.missed, &self.node) {
            (Some(missed), _) => missed.before,
            (None, Some(node)) => node.modified_index + 1,
            (None, None) => 0,
        }
    }
}

/// A key with its value, or a directory with what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Json")]
#[non_exhaustive]
pub struct Node {
    /// Its path; of the root "". Bytes that are not UTF-8, which only v3 has, are U+FFFD: such keys are for
    /// [`range`](crate::Client::range).
    pub key: String,
    /// `None` for a directory, for a key that was deleted, and for a value in `bytes`.
    pub value: Option<String>,
    /// The value, where it is not UTF-8: over v3 only.
    pub bytes: Option<Vec<u8>>,
    /// Whether it is a directory.
    pub dir: bool,
    /// What is in the directory, as far as it was asked for.
    pub nodes: Vec<Node>,
    /// Seconds left to live.
    pub ttl: Option<i64>,
    /// When it expires, in RFC 3339.
    pub expiration: Option<String>,
    /// The index of its creation.
    pub created_index: u64,
    /// The index of its last change.
    pub modified_index: u64,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct Json {
    key: Option<String>,
    #[serde(rename = "key_base64")]
    key_base64: Option<String>,
    value: Option<String>,
    #[serde(rename = "value_base64")]
    value_base64: Option<String>,
    dir: bool,
    nodes: Vec<Node>,
    ttl: Option<i64>,
    expiration: Option<String>,
    created_index: u64,
    modified_index: u64,
}

impl From<Json> for Node {
    fn from(json: Json) -> Node {
        let key = either(json.key, json.key_base64).unwrap_or_default();
        Node {
            key: String::from_utf8_lossy(&key).into_owned(),
            value: json.value,
            bytes: either(None, json.value_base64),
            dir: json.dir,
            nodes: json.nodes,
            ttl: json.ttl,
            expiration: json.expiration,
            created_index: json.created_index,
            modified_index: json.modified_index,
        }
    }
}

/// Which changes a resync does not know: those strictly between the two indexes. (In a rebuilt cluster the indexes begin
/// anew, and `before` may be below `after`: then it is not known what was missed.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Missed {
    /// The last index that is known.
    pub after: u64,
    /// The index with which the watch goes on.
    pub before: u64,
}

/// Reads a reply's text.
pub fn decode<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|why| error::Error::bad_response(format!("{why}: {text}")).into())
}

/// Reads an event's text, which is an error's where that has ended the watch.
pub fn decode_event<T: DeserializeOwned>(text: &str) -> Result<T> {
    decode(text).map_err(|unreadable| Error::read(text).unwrap_or(unreadable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_with_bytes_that_are_no_text() {
        let text = r#"{"action":"get","node":{"key":"/a","dir":true,"nodes":[{"key_base64":"L/8=","value_base64":"/wA=","ttl":3,
            "createdIndex":4,"modifiedIndex":5,"new":[]}]},"header":{"etcdIndex":8}}"#;
        let reply: Reply = decode(text).unwrap();
        assert_eq!((reply.index(), reply.value(), reply.next_index()), (8, None, 1));
        let node = &reply.node.unwrap().nodes[0];
        assert_eq!(
            (&*node.key, node.bytes.as_deref(), node.value.as_deref()),
            ("/\u{fffd}", Some(&[0xff, 0][..]), None)
        );
        assert_eq!((node.ttl, node.created_index, node.modified_index), (Some(3), 4, 5));
    }

    #[test]
    fn an_event_may_be_an_error_and_what_is_neither_is_one() {
        let resync = r#"{"action":"resync","node":null,"missed":{"after":3,"before":9},"header":{}}"#;
        let resync: Reply = decode_event(resync).unwrap();
        assert_eq!((resync.node.as_ref(), resync.next_index()), (None, 9));
        let error = decode_event::<Reply>(r#"{"errorCode":1008,"message":"no","cause":"","index":0}"#).unwrap_err();
        assert_eq!(error.code, 1008);
        assert_eq!(decode_event::<Reply>("{}").unwrap_err().code, 1006);
    }
}
