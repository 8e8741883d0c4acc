//! What the tests share, with all of `servers`.
//!
//! | modules | offer |
//! | --- | --- |
//! | `api`, `client`, `bytes`, `config`, `reply`, `admin`, `watch`, `lease`, `mirror`, `log` | the C functions, wrapped for Rust |
//! | `resolver` | a resolver that can hang |
//! | `toolchain`, `program`, `sanitizer` | compilers, the library as it was built, C programs |

#![allow(clippy::new_without_default, reason = "each `new` makes something outside this process")]

pub mod admin;
pub mod api;
pub mod bytes;
pub mod client;
pub mod config;
pub mod lease;
pub mod log;
pub mod mirror;
pub mod program;
pub mod reply;
pub mod resolver;
pub mod sanitizer;
pub mod toolchain;
pub mod watch;

use std::ffi::c_int;
use std::fmt::Display;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use self::api::Client;
use self::etcd::Etcd;
use self::version::Version;
pub use servers::*;

/// Whether a descriptor is readable, at the latest after `time`.
pub fn is_readable(fd: c_int, time: Duration) -> bool {
    let mut polled = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor.
    let ready = unsafe { libc::poll(&mut polled, 1, time.as_millis() as c_int) };
    assert!(ready >= 0, "{}", std::io::Error::last_os_error());
    ready == 1
}

/// Runs a test on a server of each version, with a client and a directory of its own, like `/t7`.
#[track_caller]
pub fn on_each(test: impl Fn(&Etcd, &Client, &str)) {
    on_each_of(Etcd::shared(), |etcd| Client::connect("127.0.0.1", etcd.port()), test);
}

/// Runs a test on each of these servers, with a client and a directory of its own, like `/t7`.
#[track_caller]
pub fn on_each_of<S: Display>(servers: &[S], connect: impl Fn(&S) -> Client, test: impl Fn(&S, &Client, &str)) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let directory = format!("/t{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    for server in servers {
        println!("on {server}:"); // seen where the test fails
        test(server, &connect(server), &directory);
    }
}

/// Runs a test on a new server of each version, with a client.
#[track_caller]
pub fn on_new_servers(test: impl Fn(&Etcd, &Client)) {
    for version in Version::all_with_v2() {
        println!("on etcd {version}:"); // seen where the test fails
        let etcd = Etcd::start(version);
        test(&etcd, &Client::connect("127.0.0.1", etcd.port()));
    }
}
