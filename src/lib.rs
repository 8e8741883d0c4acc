//! libetcd: etcd for every language, as one C shared library.
//!
//! The library is its header, `include/etcd.h`, which `build.rs` makes from the doc comments under
//! `src/ffi/`. Below that, data flows one way, and so do the imports:
//!
//! ```text
//! ffi        C call, arguments in, text or handle out; all that is unsafe
//!  └ client  one operation, carried out
//!     ├ watch           a thread for each watch; delivery by callback or queue
//!     ├ api, v2         an operation said on the wire; a reply read        (no I/O)
//!     │  └ operation, admin, key, request, response                       plain data
//!     └ transport       which endpoint, which connection, which time
//!        └ http, net    one exchange; sockets that end on time
//! bug, code, error, failure, header, json, locks, log, process             known to all
//! ```

pub mod ffi;

mod admin;
mod api;
mod bug;
mod client;
mod code;
mod config;
mod endpoint;
mod error;
mod failure;
mod header;
mod http;
mod json;
mod key;
mod locks;
mod log;
mod net;
mod operation;
mod process;
mod request;
mod response;
mod transport;
mod v2;
mod watch;
