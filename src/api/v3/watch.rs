//! A watch over the v3 API: what to ask for, how what comes in becomes events, and what happens when it breaks off.
//!
//! A watch is one range: the key, its marker, and all below. What lies between the two, `/a-b` beside `/a/b`, comes along
//! and is dropped: with two ranges the order of events between them would be a server's good will while it catches up.
//! Only where a role does not allow the whole range are there two.

mod connection;
mod cursor;
mod event;
mod few;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod hub;
mod lane;
mod mailbox;
mod plan;
mod progress;
mod range;
mod source;
mod stream;
mod streams;
mod watched;

pub use connection::{ClientStreams, WatchSource};
pub use hub::{HAS_LEADER, Hub};
pub use plan::Plan;
pub use source::Source;
pub use stream::{Incoming, WatchStream};
pub use streams::{Sender, Streams};
pub use watched::Watched;

#[cfg(test)]
mod tests;
