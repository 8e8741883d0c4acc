//! The servers of this program: each API on servers that have it.

use std::slice::from_ref;
use std::sync::OnceLock;

use support::api::*;
use support::etcd::Etcd;
use support::version::Version;

/// Runs a test over v2 and over v3, with a client and a directory of its own, like `/t7`.
#[track_caller]
pub fn on_each(test: impl Fn(&Etcd, &Client, &str)) {
    static SHARED: OnceLock<[Etcd; 2]> = OnceLock::new();
    let [old, new] = SHARED.get_or_init(|| [Version::V3_4, Version::V3_6].map(Etcd::start));
    for (etcd, api) in [(old, "v2"), (old, "v3"), (new, "v3")] {
        println!("over {api}:"); // seen where the test fails
        support::on_each_of(from_ref(etcd), |etcd| etcd.client(&[("api", api)]), &test);
    }
}
