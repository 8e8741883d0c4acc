//! What stands at the other end of a connection: etcd servers and clusters, fake servers, proxies and name servers.
//!
//! | modules | offer |
//! | --- | --- |
//! | `etcd`, `cluster`, `version` | private etcd servers, alone or as a cluster |
//! | `fake`, `proxy`, `door`, `liar`, `links`, `dead`, `dns` | what stands in for servers, networks and name servers |
//! | `certificates` | an authority, and what it signs |
//! | `ctl` | etcd's own tool |
//! | `http` | what a server says, read without the library |
//! | `port`, `scratch`, `child`, `alone` | ports, folders and processes |
//! | `wait` | waiting for what must come about |

#![allow(clippy::new_without_default, reason = "each `new` makes something outside this process")]

pub mod alone;
pub mod certificates;
pub mod child;
pub mod cluster;
pub mod ctl;
pub mod dead;
pub mod dns;
pub mod door;
pub mod etcd;
pub mod fake;
pub mod http;
pub mod liar;
pub mod links;
pub mod port;
pub mod proxy;
pub mod scratch;
pub mod version;
pub mod wait;

pub use self::wait::{PATIENCE, wait_until};

/// Where the repository is.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");
