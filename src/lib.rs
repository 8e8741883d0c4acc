//! A client library for [etcd](https://etcd.io), over its v2 and v3 APIs, for Rust and, as the C library libetcd, for every
//! other language.
//!
//! ```no_run
//! let client = etcd::Client::connect("127.0.0.1", 2379)?;
//! client.set("/app/greeting", "Hello World", None)?;
//! println!("{}", client.get("/app/greeting")?.value().unwrap_or_default());
//!
//! for change in client.watch("/app/greeting")? {
//!     println!("{}", change?.value().unwrap_or_default());
//! }
//! # Ok::<(), etcd::Error>(())
//! ```
//!
//! It is a library without a runtime: calls block their thread, and end in time. What waits can be awaited as well.
//!
//! | what | where |
//! | --- | --- |
//! | several endpoints, TLS, credentials, timeouts, "v2", "v3" or whichever the servers have | [`Config`] |
//! | keys and directories as paths, in-order keys, compare-and-swap | [`Client::get`] and what follows it |
//! | each change once and in order, across failures | [`Watch`], [`WatchLoop`] |
//! | v3's store: bytes, ranges, transactions, any call | [`Client::range`], [`Txn`], [`Client::call`] |
//! | keys that end with their program | [`Lease`], [`Client::register`] |
//! | locks and elections | [`Lock`], [`Client::watch_leader`] |
//! | a directory held in memory | [`Mirror`] |
//! | limits for some calls, and ending them from another thread | [`Client::with`] |
//! | members, users and roles, health, statistics | [`Client::members`], [`Client::user_create`], [`Client::health`] |
//! | futures for any executor | [`Client::future`], [`Wait`] |
//!
//! # Errors
//!
//! A call returns an [`Error`] with a code, which [`codes`] names. Those of every call are 1001 (an argument is invalid;
//! nothing was sent), 1002 (no endpoint could be reached), 1003 (a read had no answer in time), 1004 (a write was sent and
//! no answer came: it may or may not have been carried out), 1005 (a failure of HTTP's), 1006 (an answer that cannot be
//! read), 1007 (TLS), 1008 (credentials are wanted, or better ones), 1009 (the client was disconnected meanwhile), 1010
//! (this API version or server cannot do that) and 1011 (no thread, descriptor or memory). The library repeats what is safe
//! to repeat, on whichever endpoint answers, within `timeout.request_ms`; a write only where it is proved that nothing was
//! carried out.
//!
//! # Threads and forks
//!
//! All types are [`Send`], and all but futures [`Sync`]: any number of threads may use one [`Client`]. A call takes no lock
//! of the program's, and no thread of its own. A forked child goes on with a client of its parent's on connections of its
//! own; watches, leases, locks, mirrors and futures are the parent's, and to the child they have ended.
//!
//! # Stability
//!
//! 0.x: names may change with the second number of the version. [`ffi`] is the C library's own interface, for programs in
//! C; Rust has no use for it.

// Inside, data flows one way, and so do the imports, from the first of these rooms to the last (`ARCHITECTURE.md`, checked by
// `tests/repository/architecture.rs`). `include/etcd.h`, the C library's header, is made by `build.rs` from the doc comments under
// `src/ffi/`.
//
//     ffi, rust    the C interface: arguments in, text or handle out; all that is unsafe │ the Rust interface
//     client       a client: configuration, API version, transport, watches
//     recipes      what programs build on a store: leases, registrations, locks, elections, mirrors
//     watch        the life of one watch: handle, worker, queue
//     api          what an API version must be able to do; v2 and v3
//     operation    what a caller wants, as plain data
//     messages     etcd's own messages of v3, as data and as JSON
//     transport    which endpoint, which connection, how often, within which time
//     http         HTTP/1.1: one request and one response over one connection
//     grpc         HTTP/2 and gRPC: calls driven by their callers, streams by a thread
//     net          sockets that end on time
//     config       settings and endpoint URLs
//     base         errors, JSON, log, locks, panics, process: known to all

pub mod ffi;

mod api;
mod base;
mod client;
mod config;
mod grpc;
mod http;
mod messages;
mod net;
mod operation;
mod recipes;
mod rust;
mod transport;
mod watch;

pub use base::code as codes;
pub use base::log::Level as LogLevel;
pub use config::ApiVersion;
pub use rust::*;
pub use serde_json::{Value, json};
