//! gRPC over HTTP/2 as etcd's clients need it: calls with one message each way, driven by the threads that make them;
//! and streams, on a connection of their own that one thread drives. No runtime, no retries, no endpoints.
//!
//! `h2` does the work of HTTP/2 and is named nowhere outside this room. It is a state machine behind one lock, here
//! `link::State`: each handle of it is touched, and dropped, under that lock only, and who has touched one writes what
//! came of it before the lock is released.

mod call;
mod channel;
pub mod codes;
mod exchange;
mod failure;
mod frames;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod link;
mod message;
mod probe;
mod status;
mod streams;
mod waiter;
mod wire;

#[cfg(test)]
pub mod tests;

pub use call::{Call, Origin};
pub use channel::Channel;
pub use exchange::{Outcome, Reply};
pub use status::Status;
#[cfg(test)]
pub use streams::Refused;
pub use streams::{Opening, StreamEnd, StreamHandler, StreamSender, Streams};

use std::time::Duration;

/// A stream may send so much before its reader takes some of it; all streams of a connection together, so much.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// Of one head, or of trailers. gRPC's own limit is 8 KiB; etcd's texts stay far below.
const MAX_HEADERS: u32 = 64 << 10;
/// For the frames that come late to calls given up, which are no mistake of the server's.
const RESET_MEMORY: Duration = Duration::from_secs(30);
const MAX_RESET_MEMORY: usize = 1000;
