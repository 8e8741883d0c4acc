//! `fork`: no lock of the library is held by another thread at that moment, and the child knows that it
//! is one.

use std::cell::RefCell;
use std::sync::RwLockWriteGuard;

use super::connect::CLIENTS;
use super::registry::Living;
use crate::client::Client;
use crate::{log, process};

type Held = (RwLockWriteGuard<'static, Living<Client>>, RwLockWriteGuard<'static, Option<log::Sink>>);

thread_local! {
    /// The locks, from just before a fork until just after it, on the thread that forks.
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// Once a process: has the C library call us around every fork.
pub fn watch() {
    // SAFETY: the three are plain functions that live as long as the library.
    let status = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    if status != 0 {
        log::log(log::Level::Warn, || "no memory to watch for forks; a child must not use the library".to_owned());
    }
}

extern "C" fn before() {
    // `try_with`: a thread that is ending may have lost its own variables, and forks unprotected.
    let _ = HELD.try_with(|held| *held.borrow_mut() = Some((CLIENTS.lock(), log::lock())));
}

extern "C" fn in_parent() {
    let _ = HELD.try_with(|held| drop(held.borrow_mut().take()));
}

extern "C" fn in_child() {
    process::forked();
    in_parent();
}
