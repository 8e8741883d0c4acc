//! Replies as the JSON that callers know: the header, and what the store has as nodes.

pub use crate::base::node::{Life, Node, or_null, reply, reply_of, resync};

use crate::base::header::Header;
use crate::base::node::Entry;
use crate::messages::ResponseHeader;
use crate::messages::kv::KeyValue;

impl<'a> From<&'a KeyValue> for Entry<'a> {
    fn from(kv: &'a KeyValue) -> Entry<'a> {
        Entry { key: &kv.key, value: &kv.value, created: kv.create_revision, modified: kv.mod_revision }
    }
}

/// A reply's header in the words of `etcd.h`. There is no raft index in it.
pub fn header(header: Option<&ResponseHeader>) -> Header {
    let Some(header) = header else { return Header::default() };
    Header {
        cluster_id: Some(id(header.cluster_id)),
        etcd_index: u64::try_from(header.revision).ok().filter(|revision| *revision > 0),
        raft_index: None,
        raft_term: Some(header.raft_term),
    }
}

/// A member's or a cluster's id, as etcd's own tools and the v2 API spell it.
pub fn id(id: u64) -> String {
    // Not `format!`: this is done for every reply.
    let digits = (64 - id.leading_zeros()).div_ceil(4).max(1);
    let digit = |place: u32| char::from(b"0123456789abcdef"[(id >> (4 * place) & 0xf) as usize]);
    (0..digits).rev().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_spells_ids_as_v2_did_and_has_no_raft_index() {
        let sent = ResponseHeader { cluster_id: 3419650307367192405, member_id: 1, revision: 8, raft_term: 2 };
        let text = header(Some(&sent)).to_json();
        assert_eq!(text, r#"{"clusterId":"2f7509d622ad4755","etcdIndex":8,"raftTerm":2}"#);
        for number in [0, 1, 0xf, 0x10, 0x0a0, u64::MAX, u64::MAX >> 4, 3419650307367192405] {
            assert_eq!(id(number), format!("{number:x}"));
        }
        assert_eq!(header(None).to_json(), "{}");
        assert_eq!(reply("set", None, None, &Header::default()), r#"{"action":"set","header":{}}"#);
    }
}
