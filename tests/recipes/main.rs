//! What is built from operations and watches, on real servers of each version.

mod clients;
mod elections;
mod faults;
mod frozen;
mod leases;
mod ledger;
mod line;
mod locks;
mod mirror;
mod mirrors;
mod mirrors_faults;
mod processes;
mod registration;
mod servers;
mod stops;
mod threads;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use support::api::*;
use support::etcd::{ELECTION, Etcd};
use support::lease::Lease;
use support::version::Version;
use support::wait_until;

/// A client of either API.
#[track_caller]
fn client(etcd: &Etcd, api: &str) -> Client {
    etcd.client(&[("api", api)])
}

/// Runs a test on servers of each version, over v3, and over v2 where there is one.
#[track_caller]
fn on_each(test: impl Fn(&Etcd, &str, &str)) {
    static SHARED: OnceLock<[Etcd; 4]> = OnceLock::new();
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    for etcd in SHARED.get_or_init(|| Version::all_with_v3().map(Etcd::start)) {
        for api in ["v3", "v2"] {
            if api == "v2" && !etcd.version().has_v2() {
                continue;
            }
            println!("on etcd {} over {api}:", etcd.version()); // seen where the test fails
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            test(etcd, api, &format!("/t{number}"));
        }
    }
}

/// Waits until a keep-alive that was sent from now on has been answered.
#[track_caller]
fn is_kept_alive(lease: &Lease) {
    let (began, left) = (Instant::now(), lease.remaining());
    // By now less would be left, had none been.
    let would_be_left = || left.saturating_sub(began.elapsed()) + SECOND / 2;
    wait_until(ELECTION, "a keep-alive is answered", || lease.remaining() > would_be_left());
}

/// Long enough not to end while a busy machine runs nothing of it.
const LONG: i64 = 30;
const SECOND: Duration = Duration::from_secs(1);
/// What a holder must not do when it holds the lock no more.
const LATE: &str = r#"{"success":[{"request_put":{"key":"/acted","value":"late"}}]}"#;
