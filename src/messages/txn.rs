//! Conditions and operations, to put transactions together from.

use super::kv::{
    Compare, CompareResult, CompareTarget, DeleteRangeRequest, Op, Operand, PutRequest, RangeRequest, RequestOp,
    TxnRequest,
};

/// There is no such key.
pub fn absent(key: &[u8]) -> Compare {
    version(key, &[], CompareResult::Equal)
}

/// There is no key in the range.
pub fn none_in(begin: &[u8], end: &[u8]) -> Compare {
    version(begin, end, CompareResult::Equal)
}

pub fn present(key: &[u8]) -> Compare {
    version(key, &[], CompareResult::Greater)
}

/// There is a key in the range. (Of an empty one the server compares a version of 0.)
pub fn some_in(begin: &[u8], end: &[u8]) -> Compare {
    version(begin, end, CompareResult::Greater)
}

pub fn modified_at(key: &[u8], revision: i64) -> Compare {
    compare(key, &[], CompareTarget::Mod, CompareResult::Equal, Operand::ModRevision(revision))
}

/// A revision of 0: there is no such key.
pub fn created_at(key: &[u8], revision: i64) -> Compare {
    compare(key, &[], CompareTarget::Create, CompareResult::Equal, Operand::CreateRevision(revision))
}

/// False, too, if there is no such key.
pub fn has_value(key: &[u8], value: &[u8]) -> Compare {
    compare(key, &[], CompareTarget::Value, CompareResult::Equal, Operand::Value(value.to_vec()))
}

fn version(key: &[u8], end: &[u8], result: CompareResult) -> Compare {
    compare(key, end, CompareTarget::Version, result, Operand::Version(0))
}

fn compare(key: &[u8], end: &[u8], target: CompareTarget, result: CompareResult, operand: Operand) -> Compare {
    Compare {
        key: key.to_vec(),
        range_end: end.to_vec(),
        target: target as i32,
        result: result as i32,
        operand: Some(operand),
    }
}

pub fn get(key: &[u8]) -> RangeRequest {
    RangeRequest { key: key.to_vec(), ..RangeRequest::default() }
}

/// Whether there is such a key, without its value.
pub fn look(key: &[u8]) -> RangeRequest {
    RangeRequest { keys_only: true, ..get(key) }
}

/// The first keys of a range, without their values.
pub fn look_in(begin: &[u8], end: &[u8], limit: i64) -> RangeRequest {
    RangeRequest { range_end: end.to_vec(), limit, ..look(begin) }
}

pub fn put(key: &[u8], value: &[u8]) -> PutRequest {
    PutRequest { key: key.to_vec(), value: value.to_vec(), ..PutRequest::default() }
}

pub fn delete(key: &[u8]) -> DeleteRangeRequest {
    DeleteRangeRequest { key: key.to_vec(), ..DeleteRangeRequest::default() }
}

impl From<TxnRequest> for RequestOp {
    fn from(txn: TxnRequest) -> RequestOp {
        RequestOp { request: Some(Op::Txn(txn)) }
    }
}

impl From<RangeRequest> for RequestOp {
    fn from(range: RangeRequest) -> RequestOp {
        RequestOp { request: Some(Op::Range(range)) }
    }
}

impl From<PutRequest> for RequestOp {
    fn from(put: PutRequest) -> RequestOp {
        RequestOp { request: Some(Op::Put(put)) }
    }
}

impl From<DeleteRangeRequest> for RequestOp {
    fn from(delete: DeleteRangeRequest) -> RequestOp {
        RequestOp { request: Some(Op::DeleteRange(delete)) }
    }
}

/// The first key after all that begin with `prefix`: `/a/` and `/a0`. `\0` stands for the end of all keys.
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let Some(last) = prefix.iter().rposition(|byte| *byte < 0xff) else { return vec![0] };
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_key_that_does_not_begin_so() {
        for (prefix, end) in [(&b"/a/"[..], &b"/a0"[..]), (b"a\xff", b"b"), (b"\xff\xff", b"\0"), (b"", b"\0")] {
            assert_eq!(prefix_end(prefix), end);
        }
    }
}
