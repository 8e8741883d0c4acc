//! The reader of one stream.

use std::time::Instant;

use bytes::Bytes;

use crate::base::failure::Failure;
use crate::grpc::status::Status;

/// Takes what comes in on one stream. It is called on the connection's thread, which it must not keep waiting: other
/// streams are read there, too. It may send, open and close streams.
pub trait StreamHandler: Send {
    fn message(&mut self, message: Bytes);

    /// Does what is due, and says when it is to be asked again; besides, it is asked after anything has come in, and
    /// after `StreamSender::wake`.
    fn tick(&mut self, _now: Instant) -> Option<Instant> {
        None
    }

    /// The last call.
    fn end(&mut self, end: StreamEnd);
}

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEnd {
    /// By the server, in due form.
    Status(Status),
    Failure(Failure),
    /// By `StreamSender::close`.
    Closed,
}
