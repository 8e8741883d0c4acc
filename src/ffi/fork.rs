//! `fork`: no lock of the library is held by another thread at that moment, and the child knows that it is one.

use std::cell::RefCell;

use super::handles;
use crate::base::locks::{MutexGuard, RwLockWriteGuard};
use crate::base::{log, process};
use crate::net;

/// Locks that calls hold for a moment.
struct Held {
    _handles: handles::Locked,
    _net: net::Locks,
    log: RwLockWriteGuard<'static, Option<log::Current>>,
    _process: MutexGuard<'static, ()>,
}

thread_local! {
    /// The locks, from just before a fork until just after it, on the thread that forks.
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// Has the C library call this file around every fork.
pub fn handle_forks() {
    // SAFETY: the three are plain functions that live as long as the library, which is never unloaded (build.rs).
    let status = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    if status != 0 {
        log::log(log::Level::Warn, || "no memory to register for forks; a child must not use the library".to_owned());
    }
}

extern "C" fn before() {
    // `try_with`: a thread that is ending may have lost its own variables, and forks unprotected.
    let _ = HELD.try_with(|held| {
        let locks =
            Held { _handles: handles::lock_all(), _net: net::lock(), log: log::lock(), _process: process::lock() };
        *held.borrow_mut() = Some(locks);
    });
}

extern "C" fn in_parent() {
    let _ = HELD.try_with(|held| drop(held.borrow_mut().take()));
}

extern "C" fn in_child() {
    process::forked();
    let _ = HELD.try_with(|held| {
        if let Some(mut held) = held.borrow_mut().take() {
            log::forked(&mut held.log);
        }
    });
}
