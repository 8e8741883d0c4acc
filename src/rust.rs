//! The Rust interface: what a program in Rust calls, in Rust's own manner. It is a second door beside `ffi`, over the same
//! rooms, and has no `unsafe`. What is here gives values types and closures and futures their form; how a thing is done is
//! known below.
#![warn(missing_docs)]

mod admin;
mod bytes;
mod call;
mod client;
mod cluster;
mod config;
mod error;
mod header;
mod key_value;
mod keys;
mod leader;
mod lease;
mod lock;
mod log;
mod mirror;
mod range;
mod range_watch;
mod reply;
mod ttl;
mod txn;
mod wait;
mod watch;
mod watch_loop;

pub use admin::{Access, Role, User};
pub use call::Call;
pub use client::Client;
pub use cluster::{Member, StatsKind, Version};
pub use config::Config;
pub use error::{Error, Result};
pub use header::Header;
pub use key_value::{DeleteReply, KeyValue, OpReply, PutReply, RangeReply, RevisionHeader, TxnReply};
pub use keys::{Expected, GetOptions};
pub use leader::{Leader, Leadership};
pub use lease::{Lease, LeaseState, LeaseStatus};
pub use lock::{Lock, LockState, LockStatus};
pub use log::{set_log, unset_log};
pub use mirror::Mirror;
pub use range::{Keys, PutOptions, RangeOptions};
pub use range_watch::{ChangeKind, KeyChange, RangeEvent, RangeWatchOptions};
pub use reply::{Missed, Node, Reply};
pub use txn::{Compare, Op, Subject, Txn};
pub use wait::Wait;
pub use watch::{Stopper, Watch, WatchOptions};
pub use watch_loop::WatchLoop;
