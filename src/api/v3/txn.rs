//! Transactions: put together from conditions and operations, and their replies taken apart again.

pub use crate::messages::txn::{
    absent, delete, get, has_value, look, look_in, modified_at, none_in, present, put, some_in,
};

use crate::base::effect::Effect;
use crate::base::error::{Error, Result};
use crate::messages::ResponseHeader;
use crate::messages::kv::{
    DeleteRangeResponse, KeyValue, OpReply, PutResponse, RangeResponse, ResponseOp, TxnResponse,
};

/// The replies to the operations of the branch that was taken, in order.
pub struct Replies {
    pub header: ResponseHeader,
    pub succeeded: bool,
    /// What the transaction may have done, if a reply turns out not to be one.
    effect: Effect,
    replies: std::vec::IntoIter<ResponseOp>,
}

impl Replies {
    /// `effect` is that of what was asked.
    pub fn of(reply: TxnResponse, effect: Effect) -> Result<Replies> {
        let header = reply.header.ok_or_else(|| malformed(effect, "no header"))?;
        Ok(Replies { header, succeeded: reply.succeeded, effect, replies: reply.responses.into_iter() })
    }

    pub fn range(&mut self) -> Result<RangeResponse> {
        match self.next() {
            Some(OpReply::Range(reply)) => Ok(reply),
            _ => Err(malformed(self.effect, "no reply to a range")),
        }
    }

    /// The one key of a range that is no more than that.
    pub fn key(&mut self) -> Result<Option<KeyValue>> {
        Ok(self.range()?.kvs.pop())
    }

    pub fn put(&mut self) -> Result<PutResponse> {
        match self.next() {
            Some(OpReply::Put(reply)) => Ok(reply),
            _ => Err(malformed(self.effect, "no reply to a put")),
        }
    }

    pub fn delete(&mut self) -> Result<DeleteRangeResponse> {
        match self.next() {
            Some(OpReply::DeleteRange(reply)) => Ok(reply),
            _ => Err(malformed(self.effect, "no reply to a delete")),
        }
    }

    /// A transaction within has no header of its own.
    pub fn txn(&mut self) -> Result<Replies> {
        match self.next() {
            Some(OpReply::Txn(reply)) => {
                let (header, effect) = (self.header, self.effect);
                Ok(Replies { header, succeeded: reply.succeeded, effect, replies: reply.responses.into_iter() })
            }
            _ => Err(malformed(self.effect, "no reply to a transaction within")),
        }
    }

    fn next(&mut self) -> Option<OpReply> {
        self.replies.next()?.response
    }
}

pub fn malformed(effect: Effect, what: &str) -> Error {
    Error::bad_response_to(effect.is_read(), format!("a transaction's reply with {what}"))
}
