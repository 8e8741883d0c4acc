//! Handles: freed anywhere, twice, or while others use them; and clients that are disconnected under their watches.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use support::PATIENCE;
use support::api::*;
use support::wait_until;
use support::watch::{Event, Handle, Probe, etcd_watch_fd};

use crate::rows::on_each;

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

fn is_settled_soon(probe: &Probe) {
    wait_until(PATIENCE, "user_data is given back", || probe.is_given_back());
    probe.is_settled();
}

/// Starts a watch that does something with its own handle in its first callback, and leaves the handle to it.
/// The result arrives on the channel after the callback.
fn in_its_callback<T: Send + 'static>(
    client: &Client,
    key: &str,
    act: impl Fn(Handle) -> T + Send + 'static,
) -> (Handle, std::sync::Arc<Probe>, Receiver<T>) {
    static SLOTS: [Slot; 64] = [const { Slot(AtomicUsize::new(0)) }; 64];
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let slot = &SLOTS[NEXT.fetch_add(1, Ordering::SeqCst)];
    let (sender, acted) = channel();
    let watcher = client.watch(key).doing(move |_| drop(sender.send(act(slot.wait())))).push();
    let (handle, probe) = (watcher.handle(), watcher.probe());
    std::mem::forget(watcher);
    slot.put(handle);
    (handle, probe, acted)
}

#[test]
fn a_watch_can_be_freed_in_its_own_callback() {
    on_each(|_, client, dir| {
        let (handle, probe, acted) = in_its_callback(client, dir, |own| {
            own.free();
            own.free(); // twice, for good measure
            own.has_ended(-1)
        });
        for i in 0..5 {
            client.set(dir, &i.to_string()).ok();
        }
        assert!(!acted.recv_timeout(PATIENCE).expect("it comes back"), "it ends after its callback");
        is_settled_soon(&probe);
        assert_eq!(probe.calls(), 1, "none begins after it was freed");
        handle.free();
        probe.is_settled();
    });
}

#[test]
fn a_watch_stopped_in_its_own_callback_ends_after_it() {
    on_each(|_, client, dir| {
        let (handle, probe, acted) = in_its_callback(client, dir, |own| {
            own.stop();
            // It does not wait for itself.
            own.has_ended(-1)
        });
        for i in 0..5 {
            client.set(dir, &i.to_string()).ok();
        }
        assert!(!acted.recv_timeout(PATIENCE).expect("it comes back"));
        assert!(handle.has_ended(PATIENCE.as_millis() as i64));
        probe.is_settled();
        assert_eq!(probe.calls(), 1);
        handle.free();
        probe.is_settled();
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
            let watcher = client.watch(dir).until(until).releasing(in_release).push();
            let probe = watcher.probe();
            SLOT.put(watcher.handle());
            std::mem::forget(watcher);
            client.set(dir, "1").ok();
            client.set(dir, "2").ok();
            is_settled_soon(&probe);
            assert_eq!(probe.calls(), 2, "callback and predicate, once each");
        }
    });
}

#[test]
fn another_watch_can_be_freed_in_a_callback() {
    on_each(|_, client, dir| {
        let other = client.watch(&format!("{dir}/other")).push();
        let (handle, probe) = (other.handle(), other.probe());
        std::mem::forget(other);
        let (sender, freed) = channel();
        let free_it = move |_: &Event| {
            handle.free();
            let _ = sender.send(());
        };
        let watcher = client.watch(dir).doing(free_it).push();
        client.set(&format!("{dir}x"), "1").ok();
        client.set(dir, "1").ok();
        freed.recv_timeout(PATIENCE).expect("it comes back");
        probe.is_settled();
        watcher.free();
    });
}

#[test]
fn disconnecting_ends_all_watches_and_leaves_their_handles() {
    on_each(|server, client, dir| {
        let configured = server.polling(30_000);
        let pushed: Vec<_> = (0..20).map(|_| configured.watch(dir).push()).collect();
        let pulled: Vec<_> = (0..20).map(|_| configured.watch(dir).pull()).collect();
        client.set(dir, "1").ok();
        pushed.iter().chain(&pulled).for_each(|watcher| assert_eq!(watcher.next_value(), "1"));
        let raw = configured.raw();
        drop(configured);
        for watcher in pushed.iter().chain(&pulled) {
            assert!(watcher.wait(Duration::ZERO), "ended when the call has returned");
            watcher.probe().is_settled();
            watcher.stop();
            assert!(watcher.next_within(Duration::ZERO).is_none());
        }
        assert!(pulled.iter().all(|watcher| watcher.fd() >= 0) && pushed.iter().all(|watcher| watcher.fd() == -1));
        support::watch::Watch::of(raw, dir).refused().fails(ETCD_ERROR_INVALID_ARGUMENT);
    });
}

#[test]
fn a_client_can_be_disconnected_in_a_callback() {
    on_each(|server, client, dir| {
        let configured = server.polling(30_000);
        let raw = configured.raw().expose_provenance();
        std::mem::forget(configured);
        let others: Vec<_> = {
            let of = |key: &str| support::watch::Watch::of(std::ptr::with_exposed_provenance_mut(raw), key);
            vec![of(dir).push(), of(&format!("{dir}/quiet")).push(), of(&format!("{dir}/quiet")).pull()]
        };
        let disconnect = move |_: &Event| unsafe { etcd_disconnect(std::ptr::with_exposed_provenance_mut(raw)) };
        let watcher =
            support::watch::Watch::of(std::ptr::with_exposed_provenance_mut(raw), dir).doing(disconnect).push();
        for i in 0..5 {
            client.set(dir, &i.to_string()).ok();
        }
        assert_eq!(watcher.next_value(), "0");
        watcher.ends();
        assert_eq!(watcher.probe().calls(), 1);
        others.iter().for_each(|other| other.ends());
    });
}

#[test]
fn what_is_no_watch_does_no_harm() {
    on_each(|_, client, dir| {
        let freed = client.watch(dir).pull();
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
        client.get(dir, 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
    });
}

#[test]
fn a_handle_that_others_use_can_be_freed() {
    on_each(|_, client, dir| {
        for round in 0..20 {
            let watcher = client.watch(dir).pull();
            let (handle, probe) = (watcher.handle(), watcher.probe());
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
                client.set(dir, "1").ok();
            }
            handle.free();
            users.into_iter().for_each(|user| user.join().expect("it comes back"));
            is_settled_soon(&probe);
        }
    });
}
