//! A key that somebody keeps alive, as replies tell of it.

use super::V2;
use super::reply::excerpt;
use crate::api::Api;
use crate::api::holding::{Claim, Lease};
use crate::base::code;
use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::base::json;
use crate::operation::{Key, Operation, Ttl};
use crate::transport::Server;

/// So many digits of a lease's id stand before the value of a key of a line.
pub const MARK_LENGTH: usize = 16;

impl V2 {
    /// The key of a claim as it is now, if it is still that.
    pub fn now(&self, claim: &Claim, server: &dyn Server) -> Result<Option<Node>> {
        let get = Operation::Get { key: claim.key.clone(), recursive: false, sorted: false, quorum: true };
        match self.ask(&get, server) {
            Ok(text) => Ok(Some(Node::of(&text, Effect::Read)?).filter(|node| node.created == claim.created)),
            Err(error) if error.code == code::ETCD_ERROR_KEY_NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As callers do.
    pub fn ask(&self, operation: &Operation, server: &dyn Server) -> Result<String> {
        Api::run(self, operation, server)
    }
}

/// A key as a reply tells of it.
pub struct Node {
    pub key: String,
    value: String,
    pub created: u64,
    pub modified: u64,
    /// How far the store was.
    pub index: u64,
}

impl Node {
    /// `effect` is that of what was asked.
    pub fn of(reply: &str, effect: Effect) -> Result<Node> {
        Node::read(json::find(reply, "/node").unwrap_or_default(), index_of(reply), effect)
    }

    pub fn read(node: &str, index: u64, effect: Effect) -> Result<Node> {
        let text = |pointer| json::find(node, pointer).and_then(json::unquote);
        let number = |pointer| json::find(node, pointer).and_then(|number| number.parse().ok());
        let read = || {
            let (created, modified) = (number("/createdIndex")?, number("/modifiedIndex")?);
            Some(Node { key: text("/key")?, value: text("/value").unwrap_or_default(), created, modified, index })
        };
        let missing = || format!("a key without an index: {}", excerpt(node));
        read().ok_or_else(|| Error::bad_response_to(effect.is_read(), missing()))
    }

    pub fn claim(self, reply: &str) -> Result<Claim> {
        let key = Key::parse(&self.key)?;
        Ok(Claim { key, name: self.key.into_bytes(), created: self.created, index: index_of(reply).max(self.created) })
    }

    pub fn mark(&self) -> Option<i64> {
        i64::from_str_radix(self.value.get(..MARK_LENGTH)?, 16).ok()
    }

    /// The value without its mark; another program's key has none.
    pub fn said(&self) -> &str {
        if self.mark().is_some() { &self.value[MARK_LENGTH..] } else { &self.value }
    }
}

/// The ttl of a key that stands for a lease.
pub fn ttl_of(lease: Lease) -> Ttl {
    Ttl::from_seconds(i64::try_from(lease.ttl).unwrap_or(i64::MAX))
}

/// How far the store was when it answered so.
pub fn index_of(reply: &str) -> u64 {
    json::find(reply, "/header/etcdIndex").and_then(|index| index.parse().ok()).unwrap_or_default()
}
