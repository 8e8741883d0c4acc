//! What the integration tests share: the C functions wrapped for Rust (`api`), private etcd servers
//! (`etcd`, from `binaries`, in `scratch`, on a `port`), and the plainest HTTP there is, to look at a server without the
//! library (`http`).
#![allow(dead_code, unused_imports)] // each test file uses a part of it

pub mod api;
pub mod binaries;
pub mod etcd;
pub mod http;
pub mod port;
pub mod scratch;

use std::sync::atomic::{AtomicU32, Ordering};

use api::Client;
use etcd::Etcd;

/// Runs a test on a server of each version, with a client and a directory of its own, like `/t7`.
#[track_caller]
pub fn on_each(test: impl Fn(&Etcd, &Client, &str)) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let directory = format!("/t{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    for etcd in Etcd::shared() {
        println!("on etcd {}:", etcd.version()); // seen where the test fails
        test(etcd, &Client::connect("127.0.0.1", etcd.port()), &directory);
    }
}
