//! Holders that are other processes: suspended, killed, forked.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use support::alone::alone;
use support::api::*;
use support::child::{Child, fork};
use support::etcd::Etcd;
use support::lease::{Lease, Lock};
use support::version::Version;
use support::wait_until;

use crate::{LONG, SECOND, client};

const TXN: &str = r#"{"success":[{"request_put":{"key":"/acted","value":"late"}}]}"#;

/// A child that holds a lock and a registration with a short ttl, says so, and then does this.
fn holder(etcd: &Etcd, api: &str, then: impl FnOnce(&Lock) -> Result<(), String>) -> Child {
    let (mut ours, mut theirs) = UnixStream::pair().expect("two sockets");
    let child = fork(|| {
        let client = client(etcd, api);
        let _here = Lease::register(&client, "/s/1", "child", 6).map_err(|error| error.to_string())?;
        let lock = Lock::open(&client, "/lock", "", 6, 0).map_err(|error| error.to_string())?;
        if lock.wait(30 * SECOND) != 1 {
            return Err(lock.state().to_string());
        }
        theirs.write_all(b"!").map_err(|error| error.to_string())?;
        then(&lock)
    });
    ours.read_exact(&mut [0]).expect("it holds them");
    child
}

#[test]
fn a_holder_that_was_suspended_knows_at_its_next_look() {
    alone(a_holder_that_was_suspended_knows_at_its_next_look, || {
        let etcd = Etcd::start(Version::V3_5);
        for api in ["v3", "v2"] {
            println!("over {api}:");
            let child = holder(&etcd, api, |lock| {
                unsafe { libc::raise(libc::SIGSTOP) };
                let done = lock.txn(TXN);
                match (lock.wait(Duration::ZERO), lock.token(), done.code()) {
                    (-1, 0, ETCD_ERROR_COMPARE_FAILED) => Ok(()),
                    known => Err(format!("{known:?} {done} {}", lock.state())),
                }
            });
            let client = client(&etcd, api);
            let next = Lock::open(&client, "/lock", "", LONG, 0).expect("a place in its line");
            assert_eq!(next.wait(60 * SECOND), 1, "{}", next.state());
            unsafe { libc::kill(child.0, libc::SIGCONT) };
            child.ends_well();
            client.get("/acted", ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
        }
    });
}

#[test]
fn what_a_killed_holder_held_is_free_after_its_ttl() {
    alone(what_a_killed_holder_held_is_free_after_its_ttl, || {
        let etcd = Etcd::start(Version::V3_4);
        for api in ["v3", "v2"] {
            println!("over {api}:");
            let child = holder(&etcd, api, |_| {
                std::thread::sleep(60 * SECOND); // it is killed long before
                Err("still alive".to_owned())
            });
            let client = client(&etcd, api);
            let next = Lock::open(&client, "/lock", "", LONG, 0).expect("a place in its line");
            assert_eq!(next.wait(Duration::ZERO), 0);
            unsafe { libc::kill(child.0, libc::SIGKILL) };
            assert!(child.end().is_err());
            assert_eq!(next.wait(60 * SECOND), 1, "{}", next.state());
            wait_until(30 * SECOND, "the key is gone", || client.get("/s/1", ETCD_QUORUM).code() == 100);
        }
    });
}

#[test]
fn a_forked_child_has_the_handles_and_not_what_they_stand_for() {
    alone(a_forked_child_has_the_handles_and_not_what_they_stand_for, || {
        let etcd = Etcd::start(Version::V3_7);
        let client = client(&etcd, "v3");
        let here = Lease::register(&client, "/s/1", "me", LONG).expect("a registration");
        let held = Lock::open(&client, "/lock", "", LONG, 0).expect("a lock");
        assert_eq!(held.wait(30 * SECOND), 1);
        fork(|| {
            let lost = (here.remaining().is_zero(), here.is("lost"), here.fd(), here.id());
            if lost != (true, true, -1, 0) {
                return Err(format!("{lost:?}"));
            }
            let lost = (held.wait(SECOND), held.token(), held.fd(), held.txn(TXN).code());
            if lost != (-1, 0, -1, ETCD_ERROR_COMPARE_FAILED) {
                return Err(format!("{lost:?}"));
            }
            unsafe {
                support::lease::etcd_lease_free(here.raw());
                support::lease::etcd_lock_free(held.raw());
            }
            // It may have some of its own.
            let own = Lease::register(&client, "/s/2", "child", LONG).map_err(|error| error.to_string())?;
            if own.is("alive") { Ok(()) } else { Err(own.state().to_string()) }
        })
        .ends_well();
        client.get("/s/2", ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
        client.get("/s/1", ETCD_QUORUM).ok();
        assert!(held.is_held() && here.is("alive") && here.renewals() == 0);
    });
}

#[test]
fn two_children_of_one_process_are_two_holders() {
    alone(two_children_of_one_process_are_two_holders, || {
        let etcd = Etcd::start(Version::V3_6);
        let client = client(&etcd, "v3");
        // What draws numbers in this process is set going.
        drop(Lock::open(&client, "/lock", "", LONG, 0).expect("a lock"));
        let child = || {
            fork(|| {
                let own = Lock::open(&client, "/lock", "", LONG, 0).map_err(|error| error.to_string())?;
                if own.wait(60 * SECOND) != 1 {
                    return Err(own.state().to_string());
                }
                // Nobody else has it meanwhile.
                for count in ["1", "2"] {
                    client.set("/holder", &format!("{}-{count}", own.key())).ok();
                    std::thread::sleep(SECOND / 10);
                    let holder = client.get("/holder", ETCD_QUORUM).text("/node/value");
                    if holder != Some(format!("{}-{count}", own.key())) {
                        return Err(format!("{holder:?} has it, and {}", own.key()));
                    }
                }
                Ok(())
            })
        };
        let (one, two) = (child(), child());
        one.ends_well();
        two.ends_well();
    });
}
