//! Holders that are other processes: suspended, killed, forked.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use support::alone::alone;
use support::api::*;
use support::child::{Child, fork};
use support::etcd::Etcd;
use support::lease::{Lease, Lock};
use support::mirror::Mirror;
use support::version::Version;
use support::wait_until;

use crate::mirror::Copy;
use crate::mirrors_faults::lose_the_history;
use crate::{LATE, LONG, SECOND, client};

/// A child that holds a lock and a registration with a short ttl, says so, and then does this.
fn holder(etcd: &Etcd, api: &str, then: impl FnOnce(&Lock, &Lease) -> Result<(), String>) -> Child {
    told(|tell| {
        let client = client(etcd, api);
        let here = Lease::register(&client, "/s/1", "child", 6).map_err(|error| error.to_string())?;
        let lock = Lock::open(&client, "/lock", "", 6, 0).map_err(|error| error.to_string())?;
        if lock.wait(30 * SECOND) != 1 {
            return Err(lock.state().to_string());
        }
        tell();
        then(&lock, &here)
    })
}

/// A child that says when it is so far; then this returns.
fn told(body: impl FnOnce(&dyn Fn()) -> Result<(), String>) -> Child {
    let (mut ours, theirs) = UnixStream::pair().expect("two sockets");
    let child = fork(|| body(&|| (&theirs).write_all(b"!").expect("the parent reads")));
    drop(theirs); // so that the end of a child that never says it is an end here, too
    ours.read_exact(&mut [0]).expect("it is so far");
    child
}

/// Waits until it stands still, by its own `raise`.
#[track_caller]
fn is_suspended(child: &Child) {
    let path = format!("/proc/{}/stat", child.0);
    let stands = || fs::read_to_string(&path).is_ok_and(|stat| stat.contains(") T "));
    wait_until(30 * SECOND, "the child is suspended", stands);
}

#[test]
fn a_holder_that_was_suspended_knows_at_its_next_look() {
    alone(a_holder_that_was_suspended_knows_at_its_next_look, || {
        for (version, api) in [(Version::V3_5, "v3"), (Version::V3_5, "v2"), (Version::V3_7, "v3")] {
            println!("on etcd {version} over {api}:");
            let etcd = Etcd::start(version);
            let child = holder(&etcd, api, |lock, here| {
                unsafe { libc::raise(libc::SIGSTOP) };
                // What is looked at first, a registration may have been made again in the background by then; a lock
                // never is.
                let registered = here.state();
                let done = lock.txn(LATE);
                let known = (lock.wait(Duration::ZERO), lock.token(), lock.remaining().is_zero(), done.code());
                if known != (-1, 0, true, ETCD_ERROR_COMPARE_FAILED) {
                    return Err(format!("{known:?} {done} {}", lock.state()));
                }
                if registered.text("/state").as_deref() == Some("alive") && registered.int("/renewals") == 0 {
                    return Err(format!("it has noticed nothing: {registered}"));
                }
                wait_until(30 * SECOND, "it is made again", || here.is("alive") && here.renewals() > 0);
                // Until the parent has seen it.
                unsafe { libc::raise(libc::SIGSTOP) };
                Ok(())
            });
            let client = client(&etcd, api);
            let next = Lock::open(&client, "/lock", "", LONG, 0).expect("a place in its line");
            assert_eq!(next.wait(60 * SECOND), 1, "{}", next.state());
            wait_until(30 * SECOND, "the key is gone", || client.get("/s/1", ETCD_QUORUM).code() == 100);
            is_suspended(&child);
            unsafe { libc::kill(child.0, libc::SIGCONT) };
            wait_until(60 * SECOND, "it is there again", || client.get("/s/1", ETCD_QUORUM).code() == 0);
            is_suspended(&child);
            unsafe { libc::kill(child.0, libc::SIGCONT) };
            child.ends_well();
            client.get("/acted", ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
            assert!(next.is_held(), "{}", next.state());
        }
    });
}

/// Meanwhile more happens than a server tells later.
#[test]
fn a_mirror_that_was_suspended_catches_up_and_tells_the_differences() {
    alone(a_mirror_that_was_suspended_catches_up_and_tells_the_differences, || {
        for (version, api) in [(Version::V3_4, "v2"), (Version::V3_4, "v3"), (Version::V3_7, "v3")] {
            println!("on etcd {version} over {api}:");
            let etcd = Etcd::start(version);
            let writer = client(&etcd, api);
            (0..30).for_each(|number| drop(writer.set(&format!("/m/{number}"), "0").ok()));
            let child = told(|tell| {
                let own = client(&etcd, api);
                let mirror = Mirror::try_open(&own, "/m").map_err(|error| error.to_string())?;
                if mirror.next_within(Duration::ZERO).is_some() {
                    return Err("a change before there was any".to_owned());
                }
                let mut copy = Copy::of(&mirror.list("/m"));
                tell();
                unsafe { libc::raise(libc::SIGSTOP) };
                // However far it is by now, that is what was there at one index: so many were deleted in this order, and
                // then one was written.
                let at_once = Copy::of(&mirror.list("/m"));
                let deleted = 30 - at_once.0.len();
                let there_were = |number: usize| at_once.0.contains_key(&format!("/m/{number}")) == (number >= deleted);
                let is_consistent = (0..30).all(there_were) && (at_once.0["/m/29"].0 == "0" || deleted == 20);
                let now = own.get("/m", ETCD_RECURSIVE | ETCD_QUORUM);
                if mirror.wait(now.int("/header/etcdIndex") as u64, 60 * SECOND) != 1 {
                    return Err(format!("it does not go on: {}", mirror.list("/m")));
                }
                let there = Copy::of(&now);
                while let Some(change) = mirror.next_within(Duration::ZERO) {
                    copy.take(&change);
                }
                match (Copy::of(&mirror.list("/m")) == there, copy == there, is_consistent) {
                    (true, true, true) => Ok(()),
                    wrong => Err(format!("{wrong:?}: {there:?}\n{copy:?}\n{at_once:?}")),
                }
            });
            is_suspended(&child);
            (0..20).for_each(|number| drop(writer.delete(&format!("/m/{number}")).ok()));
            writer.set("/m/29", "1").ok();
            lose_the_history(&writer, api);
            unsafe { libc::kill(child.0, libc::SIGCONT) };
            child.ends_well();
        }
    });
}

#[test]
fn what_a_killed_holder_held_is_free_after_its_ttl() {
    alone(what_a_killed_holder_held_is_free_after_its_ttl, || {
        let etcd = Etcd::start(Version::V3_4);
        for api in ["v3", "v2"] {
            println!("over {api}:");
            let child = holder(&etcd, api, |_, _| {
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
            let lost = (held.wait(SECOND), held.token(), held.fd(), held.txn(LATE).code());
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
