//! What lasts until it is dropped: leases, registrations, locks, mirrors.

use std::thread;
use std::time::Duration;

use etcd::codes::*;
use etcd::{Client, LeaseStatus, LockStatus, Op, PutOptions, Txn};

use crate::futures::block_on;
use crate::{ROOT, at, clear, fails, v3};

pub fn registrations_and_elections(v2: &Client, url: &str) {
    let minute = Duration::from_secs(60);
    for client in [v2, &v3(url)] {
        let (service, name) = (&at("service"), &at("election"));
        let here = client.register(service, "10.0.0.1:80", minute).unwrap();
        let state = here.state().unwrap();
        assert!(state.state == LeaseStatus::Alive && state.renewals == 0 && state.error.is_none(), "{state:?}");
        assert!(here.remaining() > Duration::from_secs(1));
        fails(client.register(service, "10.0.0.2:80", minute), ETCD_ERROR_KEY_EXISTS);
        here.revoke().unwrap(); // its drop does so, too, if a server answers soon
        assert!(!client.exists(service).unwrap());

        let mut leaders = client.watch_leader(name).unwrap();
        assert_eq!(leaders.next().unwrap().unwrap().leader, None);
        let first = client.lock(name, "first", minute).unwrap();
        assert_eq!(leaders.next().unwrap().unwrap().leader.unwrap().value.as_deref(), Some("first"));
        first.proclaim("first, changed").unwrap();
        let changed = leaders.next().unwrap().unwrap().leader.unwrap();
        assert_eq!((changed.value.as_deref(), Some(changed.token)), (Some("first, changed"), first.token()));
        fails(client.try_lock(name, "other", minute), ETCD_ERROR_KEY_EXISTS);
        let second = client.lock_open(name, "second", minute).unwrap();
        assert!(!second.wait_timeout(Duration::ZERO).unwrap() && !second.is_held());
        assert_eq!(second.state().unwrap().state, LockStatus::Waiting);
        drop(first);
        second.wait().unwrap();
        assert!(second.token().unwrap() > changed.token);
        clear(client);
    }
}

pub fn what_is_held(v2: &Client, url: &str) {
    let (client, minute) = (v3(url), Duration::from_secs(60));
    clear(&client);
    let (one, two, name) = (&at("one"), &at("two"), &at("lock"));
    client.set(one, "1", None).unwrap();
    let mirror = client.mirror(ROOT).unwrap();
    assert_eq!(mirror.get(one).unwrap().value(), Some("1"));
    assert!(mirror.next_timeout(Duration::ZERO).is_none());

    let lease = client.lease(minute).unwrap();
    client.put_with(two, "2", PutOptions::new().lease(lease.id())).unwrap();
    let written = client.put_lease(one, lease.id()).unwrap();
    mirror.wait(written.header.revision.unsigned_abs()).unwrap();
    assert_eq!(mirror.values().unwrap(), [(one.clone(), "1".to_owned()), (two.clone(), "2".to_owned())]);
    assert_eq!(mirror.changes().next().unwrap().unwrap().node.unwrap().key, *two);
    assert_eq!(lease.revoke().unwrap().state, LeaseStatus::Revoked);
    assert_eq!(block_on(lease.changed()).unwrap().remaining_ms, 0);
    assert!(!client.exists(two).unwrap() && mirror.wait_timeout(0, Duration::ZERO).unwrap());
    mirror.wait(fails(client.get(ROOT), ETCD_ERROR_KEY_NOT_FOUND).index).unwrap();
    assert_eq!(mirror.value(two).unwrap(), None);
    fails(mirror.get("/elsewhere"), ETCD_ERROR_INVALID_ARGUMENT);
    fails(v2.lease(minute), ETCD_ERROR_UNSUPPORTED);

    let lock = client.lock(name, "first", minute).unwrap();
    assert!(lock.txn(&Txn::new().then([Op::put(one, "42")])).unwrap().succeeded);
    thread::scope(|scope| {
        let second = scope.spawn(|| client.lock(name, "second", minute).unwrap().token());
        let token = lock.token();
        drop(lock);
        assert!(second.join().unwrap() > token);
    });
    let lost = client.lock(name, "lost", minute).unwrap();
    client.delete(&lost.state().unwrap().key).unwrap();
    fails(Err::<(), _>(block_on(lost.lost())), ETCD_ERROR_KEY_NOT_FOUND);
    assert!(!lost.is_held());
    fails(lost.wait(), ETCD_ERROR_KEY_NOT_FOUND);
    fails(lost.proclaim("too late"), ETCD_ERROR_COMPARE_FAILED);
    clear(&client);
}
