//! Transactions: put together from conditions and operations, and their replies taken apart again.

pub use crate::messages::txn::{
    absent, delete, get, has_value, look, look_in, modified_at, none_in, present, put, some_in,
};

use crate::base::error::{Error, Result};
use crate::messages::ResponseHeader;
use crate::messages::kv::{
    DeleteRangeResponse, KeyValue, OpReply, PutResponse, RangeResponse, ResponseOp, TxnResponse,
};

/// The replies to the operations of the branch that was taken, in order.
pub struct Replies {
    pub header: ResponseHeader,
    pub succeeded: bool,
    replies: std::vec::IntoIter<ResponseOp>,
}

impl Replies {
    pub fn of(reply: TxnResponse) -> Result<Replies> {
        let header = reply.header.ok_or_else(|| malformed("no header"))?;
        Ok(Replies { header, succeeded: reply.succeeded, replies: reply.responses.into_iter() })
    }

    pub fn range(&mut self) -> Result<RangeResponse> {
        match self.next() {
            Some(OpReply::Range(reply)) => Ok(reply),
            _ => Err(malformed("no reply to a range")),
        }
    }

    /// The one key of a range that is no more than that.
    pub fn key(&mut self) -> Result<Option<KeyValue>> {
        Ok(self.range()?.kvs.pop())
    }

    pub fn put(&mut self) -> Result<PutResponse> {
        match self.next() {
            Some(OpReply::Put(reply)) => Ok(reply),
            _ => Err(malformed("no reply to a put")),
        }
    }

    pub fn delete(&mut self) -> Result<DeleteRangeResponse> {
        match self.next() {
            Some(OpReply::DeleteRange(reply)) => Ok(reply),
            _ => Err(malformed("no reply to a delete")),
        }
    }

    /// A transaction within has no header of its own.
    pub fn txn(&mut self) -> Result<Replies> {
        match self.next() {
            Some(OpReply::Txn(reply)) => {
                let header = self.header;
                Ok(Replies { header, succeeded: reply.succeeded, replies: reply.responses.into_iter() })
            }
            _ => Err(malformed("no reply to a transaction within")),
        }
    }

    fn next(&mut self) -> Option<OpReply> {
        self.replies.next()?.response
    }
}

pub fn malformed(what: &str) -> Error {
    Error::bad_response(format!("a transaction's reply with {what}"))
}
