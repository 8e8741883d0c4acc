//! `fork`: no lock of the library is held by another thread at that moment, and the child knows that it
//! is one.

use std::cell::RefCell;

use super::config::{CONFIGS, Settings};
use super::connect::CLIENTS;
use super::registry::Living;
use super::watch::WATCHERS;
use crate::client::Client;
use crate::locks::{Once, RwLockWriteGuard};
use crate::watch::Watcher;
use crate::{log, process};

/// Locks that calls take for a moment.
struct Held {
    _configs: RwLockWriteGuard<'static, Living<Settings>>,
    _clients: RwLockWriteGuard<'static, Living<Client>>,
    _watchers: RwLockWriteGuard<'static, Living<Watcher>>,
    _log: RwLockWriteGuard<'static, Option<log::Sink>>,
}

thread_local! {
    /// The locks, from just before a fork until just after it, on the thread that forks.
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// Has the C library call us around every fork, from the first call on.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the three are plain functions that live as long as the library.
        let status = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
        if status != 0 {
            log::log(log::Level::Warn, || "no memory to watch for forks; a child must not use the library".to_owned());
        }
    });
}

extern "C" fn before() {
    // `try_with`: a thread that is ending may have lost its own variables, and forks unprotected.
    let _ = HELD.try_with(|held| {
        *held.borrow_mut() = Some(Held {
            _configs: CONFIGS.lock(),
            _clients: CLIENTS.lock(),
            _watchers: WATCHERS.lock(),
            _log: log::lock(),
        });
    });
}

extern "C" fn in_parent() {
    let _ = HELD.try_with(|held| drop(held.borrow_mut().take()));
}

extern "C" fn in_child() {
    process::forked();
    in_parent();
}
