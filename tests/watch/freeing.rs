//! Handles: freed anywhere, twice, or while others use them; and clients that are disconnected under their watches.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::support::api::*;
use crate::support::etcd::{Etcd, wait_until};
use crate::support::on_each;
use crate::watching::{Configured, Event, Handle, PATIENCE, Told, etcd_watch_fd, watch};

/// A place for a handle that a callback needs before it is known.
#[derive(Default)]
struct Slot(AtomicUsize);

impl Slot {
    fn put(&self, handle: Handle) {
        self.0.store(handle.0.expose_provenance(), Ordering::SeqCst);
    }

    fn wait(&self) -> Handle {
        wait_until(PATIENCE, "the handle is known", || self.0.load(Ordering::SeqCst) != 0);
        Handle(std::ptr::with_exposed_provenance_mut(self.0.load(Ordering::SeqCst)))
    }
}

fn is_settled_soon(told: &Told) {
    wait_until(PATIENCE, "release is called", || told.releases() > 0);
    told.is_settled();
}

/// Starts a watch that does something with its own handle in its first callback, and leaves the handle to it.
/// What it did is told after the callback.
fn in_its_callback<T: Send + 'static>(
    client: &Client,
    key: &str,
    act: impl Fn(Handle) -> T + Send + 'static,
) -> (Handle, std::sync::Arc<Told>, Receiver<T>) {
    static SLOTS: [Slot; 64] = [const { Slot(AtomicUsize::new(0)) }; 64];
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let slot = &SLOTS[NEXT.fetch_add(1, Ordering::SeqCst)];
    let (sender, acted) = channel();
    let watcher = watch(client, key).doing(move |_| drop(sender.send(act(slot.wait())))).push();
    let (handle, told) = (watcher.handle(), watcher.told());
    std::mem::forget(watcher);
    slot.put(handle);
    (handle, told, acted)
}

#[test]
fn a_watch_can_be_freed_in_its_own_callback() {
    on_each(|_, client, dir| {
        let (handle, told, acted) = in_its_callback(client, dir, |own| {
            own.free();
            own.free(); // twice, for good measure
            own.has_ended(-1)
        });
        for i in 0..5 {
            client.set(dir, &i.to_string(), 0, 0).ok();
        }
        assert!(acted.recv_timeout(PATIENCE).expect("it comes back"), "one that was freed has ended");
        is_settled_soon(&told);
        assert_eq!(told.calls(), 1, "none begins after it was freed");
        handle.free();
        told.is_settled();
    });
}

#[test]
fn a_watch_can_be_stopped_in_its_own_callback_and_has_not_ended_there() {
    on_each(|_, client, dir| {
        let (handle, told, acted) = in_its_callback(client, dir, |own| {
            own.stop();
            // It waits neither for itself nor in vain.
            own.has_ended(-1)
        });
        for i in 0..5 {
            client.set(dir, &i.to_string(), 0, 0).ok();
        }
        assert!(!acted.recv_timeout(PATIENCE).expect("it comes back"));
        assert!(handle.has_ended(PATIENCE.as_millis() as i64));
        told.is_settled();
        assert_eq!(told.calls(), 1);
        handle.free();
        told.is_settled();
    });
}

#[test]
fn a_watch_can_be_freed_in_its_predicate_and_in_release() {
    on_each(|_, client, dir| {
        static SLOT: Slot = Slot(AtomicUsize::new(0));
        for in_predicate in [true, false] {
            SLOT.0.store(0, Ordering::SeqCst);
            let in_release = move || {
                if in_predicate {
                } else {
                    SLOT.wait().free()
                }
            };
            let until = move |_: &Event| {
                if in_predicate {
                    SLOT.wait().free();
                }
                !in_predicate
            };
            let watcher = watch(client, dir).until(until).releasing(in_release).push();
            let told = watcher.told();
            SLOT.put(watcher.handle());
            std::mem::forget(watcher);
            client.set(dir, "1", 0, 0).ok();
            client.set(dir, "2", 0, 0).ok();
            is_settled_soon(&told);
            assert_eq!(told.calls(), 2, "callback and predicate, once each");
        }
    });
}

#[test]
fn another_watch_can_be_freed_in_a_callback() {
    on_each(|_, client, dir| {
        let other = watch(client, &format!("{dir}/other")).push();
        let (handle, told) = (other.handle(), other.told());
        std::mem::forget(other);
        let (sender, freed) = channel();
        let free_it = move |_: &Event| {
            handle.free();
            let _ = sender.send(());
        };
        let watcher = watch(client, dir).doing(free_it).push();
        client.set(&format!("{dir}x"), "1", 0, 0).ok();
        client.set(dir, "1", 0, 0).ok();
        freed.recv_timeout(PATIENCE).expect("it comes back");
        told.is_settled();
        watcher.free();
    });
}

#[test]
fn disconnecting_ends_all_watches_and_leaves_their_handles() {
    on_each(|etcd, client, dir| {
        let configured = Configured::polling(30_000, &[etcd.url()]);
        let pushed: Vec<_> = (0..20).map(|_| configured.watch(dir).push()).collect();
        let pulled: Vec<_> = (0..20).map(|_| configured.watch(dir).pull()).collect();
        client.set(dir, "1", 0, 0).ok();
        pushed.iter().chain(&pulled).for_each(|watcher| assert_eq!(watcher.next_value(), "1"));
        let raw = configured.raw();
        drop(configured);
        for watcher in pushed.iter().chain(&pulled) {
            assert!(watcher.wait(Duration::ZERO), "ended when the call has returned");
            watcher.told().is_settled();
            watcher.stop();
            assert!(watcher.next_within(Duration::ZERO).is_none());
        }
        assert!(pulled.iter().all(|watcher| watcher.fd() >= 0) && pushed.iter().all(|watcher| watcher.fd() == -1));
        crate::watching::Watch::of(raw, dir).refused().fails(ETCD_ERROR_INVALID_ARGUMENT);
    });
}

#[test]
fn a_client_can_be_disconnected_in_a_callback() {
    on_each(|etcd, client, dir| {
        let configured = Configured::polling(30_000, &[etcd.url()]);
        let raw = configured.raw().expose_provenance();
        std::mem::forget(configured);
        let others: Vec<_> = {
            let of = |key: &str| crate::watching::Watch::of(std::ptr::with_exposed_provenance_mut(raw), key);
            vec![of(dir).push(), of(&format!("{dir}/quiet")).push(), of(&format!("{dir}/quiet")).pull()]
        };
        let disconnect = move |_: &Event| unsafe { etcd_disconnect(std::ptr::with_exposed_provenance_mut(raw)) };
        let watcher =
            crate::watching::Watch::of(std::ptr::with_exposed_provenance_mut(raw), dir).doing(disconnect).push();
        for i in 0..5 {
            client.set(dir, &i.to_string(), 0, 0).ok();
        }
        assert_eq!(watcher.next_value(), "0");
        watcher.ends();
        assert_eq!(watcher.told().calls(), 1);
        others.iter().for_each(|other| other.ends());
    });
}

#[test]
fn what_is_no_watch_does_no_harm() {
    let etcd = &Etcd::shared()[0];
    let client = Client::connect("127.0.0.1", etcd.port());
    let freed = watch(&client, "/no-watch").pull();
    let freed_handle = freed.handle();
    freed.free();
    let made_up = [1, 7, 4096, usize::MAX, client.raw().addr()].map(std::ptr::without_provenance_mut).map(Handle);
    for handle in [Handle(null_mut()), freed_handle].into_iter().chain(made_up) {
        for _ in 0..2 {
            handle.stop();
            assert!(handle.has_ended(-1));
            assert!(handle.next(-1).is_none());
            assert_eq!(unsafe { etcd_watch_fd(handle.0) }, -1);
            handle.free();
        }
    }
    client.get("/no-watch", 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
}

#[test]
fn a_handle_that_others_use_can_be_freed() {
    on_each(|_, client, dir| {
        for round in 0..20 {
            let watcher = watch(client, dir).pull();
            let (handle, told) = (watcher.handle(), watcher.told());
            std::mem::forget(watcher);
            let users: [fn(Handle); 5] = [
                |handle| while handle.next(-1).is_some() {},
                |handle| assert!(handle.has_ended(-1)),
                |handle| handle.stop(),
                |handle| handle.free(),
                |handle| drop(handle.next(0)),
            ];
            let users: Vec<_> = users.into_iter().map(|user| thread::spawn(move || user(handle))).collect();
            if round % 2 == 0 {
                client.set(dir, "1", 0, 0).ok();
            }
            handle.free();
            users.into_iter().for_each(|user| user.join().expect("it comes back"));
            is_settled_soon(&told);
        }
    });
}
