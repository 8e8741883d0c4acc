//! What is asked of v3's flat store in its own words: keys and values are bytes, and each change has a revision.

use super::Operation;
use crate::base::error::{Error, Result};
use crate::messages::Call;
use crate::messages::kv::{DeleteRangeRequest, PutRequest, RangeRequest, TxnRequest};
use crate::messages::txn::prefix_end;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flat {
    /// Without a limit, all that is in the range, at one revision.
    Range(RangeRequest),
    Put(PutRequest),
    /// Only if the key was changed last at that revision; 0: only if there is no such key.
    PutIf {
        put: PutRequest,
        mod_revision: i64,
    },
    DeleteRange(DeleteRangeRequest),
    /// Only if the key was changed last at that revision.
    DeleteIf {
        key: Vec<u8>,
        mod_revision: i64,
    },
    Txn(TxnRequest),
    Call(Call),
}

impl Flat {
    pub fn delete_if(key: &[u8], mod_revision: i64) -> Result<Flat> {
        let Keys { key, .. } = Keys::new(key, &[])?;
        if mod_revision <= 0 {
            return Err(Error::invalid("mod_revision: must be above 0; etcd_delete_range deletes without a condition"));
        }
        Ok(Flat::DeleteIf { key, mod_revision })
    }
}

impl From<TxnRequest> for Operation {
    fn from(txn: TxnRequest) -> Operation {
        Operation::Flat { flat: Flat::Txn(txn), base64: false }
    }
}

/// The keys that a call is for, as etcd wants them: the first, and the one behind the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    pub key: Vec<u8>,
    /// Empty: `key` alone. A single `\0`: all from `key` on.
    pub range_end: Vec<u8>,
}

impl Keys {
    /// From `key` up to `end`, which is not one of them; without an end, `key` alone.
    pub fn new(key: &[u8], end: &[u8]) -> Result<Keys> {
        if key.is_empty() {
            return Err(Error::invalid("key: must not be empty; for all keys, give ETCD_PREFIX"));
        }
        Ok(Keys { key: key.to_vec(), range_end: end.to_vec() })
    }

    /// All that begin with `key`.
    pub fn prefix(key: &[u8]) -> Keys {
        // etcd knows no empty key, and takes this for the first of all.
        let first = if key.is_empty() { &[0] } else { key };
        Keys { key: first.to_vec(), range_end: prefix_end(key) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_range_and_the_empty_one_is_everything() {
        let range = |keys: Keys| (keys.key, keys.range_end);
        assert_eq!(range(Keys::prefix(b"a/")), (b"a/".to_vec(), b"a0".to_vec()));
        assert_eq!(range(Keys::prefix(b"\xff")), (b"\xff".to_vec(), b"\0".to_vec()));
        assert_eq!(range(Keys::prefix(b"")), (b"\0".to_vec(), b"\0".to_vec()));
        assert_eq!(range(Keys::new(b"a", b"").unwrap()), (b"a".to_vec(), vec![]));
        assert_eq!(Keys::new(b"", b"b").unwrap_err().code, 1001);
    }
}
