//! A ledger of what holders did, by the order in which the server carried it out: no token acts after a later one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::api::*;
use support::etcd::Etcd;
use support::lease::Lock;
use support::version::Version;
use support::wait::Ends;

use crate::{LONG, SECOND, client};

#[test]
fn no_two_holders_act_at_once_whatever_becomes_of_their_keys() {
    let etcd = Etcd::start(Version::V3_6);
    let is_over = &AtomicBool::new(false);
    let acted = thread::scope(|scope| {
        let holders = Vec::from_iter((0..4).map(|_| {
            let client = client(&etcd, "v3");
            scope.spawn(move || {
                let mut acted = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    let lock = Lock::open(&client, "/lock", "", LONG, 0).expect("a place in its line");
                    if lock.wait(60 * SECOND) != 1 {
                        continue; // its key was deleted
                    }
                    let token = lock.token();
                    for _ in 0..3 {
                        let put = format!(r#"{{"success":[{{"request_put":{{"key":"/acted","value":"{token}"}}}}]}}"#);
                        let done = lock.txn(&put);
                        match done.code() {
                            0 => acted.push((done.int("/header/revision"), token)),
                            code => assert_eq!(code, ETCD_ERROR_COMPARE_FAILED, "{done}"),
                        }
                    }
                }
                acted
            })
        }));
        let ends = Ends(is_over);
        let (meddler, began) = (client(&etcd, "v3"), Instant::now());
        while began.elapsed() < Duration::from_secs(4) {
            let line = meddler.get("/lock", ETCD_SORTED | ETCD_QUORUM);
            if let Some(key) = line.text("/node/nodes/0/key") {
                meddler.delete(&key);
            }
        }
        drop(ends);
        Vec::from_iter(holders.into_iter().flat_map(|holder| holder.join().expect("no panic")))
    });
    let mut acted = acted;
    acted.sort_unstable();
    assert!(acted.len() > 10, "{}", acted.len());
    assert!(acted.is_sorted_by_key(|(_, token)| *token), "a token acted after a later one: {acted:?}");
}
