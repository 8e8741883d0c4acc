//! What belongs to one process and must not be used by its forked children.
//!
//! A child inherits its parent's memory and sockets. Were it to speak on them, the answers would be
//! mixed up; were it to wait for a lock that another thread of the parent held at that moment, it
//! would wait for ever. So a child touches nothing of the kind: it makes its own on first use.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

static GENERATION: AtomicU64 = AtomicU64::new(0);

/// How many forks lie between this process and the one that loaded the library.
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// To be called in every forked child, before anything else of the library.
pub fn forked() {
    GENERATION.fetch_add(1, Ordering::AcqRel);
}

/// A `T` for each process. The parents' stay where they are, untouched, and are never dropped here.
pub struct PerProcess<T> {
    generation: u64,
    /// Always there; only `Drop` takes it.
    value: Option<T>,
    child: OnceLock<Box<PerProcess<T>>>,
}

impl<T> PerProcess<T> {
    pub fn new(value: T) -> PerProcess<T> {
        PerProcess { generation: generation(), value: Some(value), child: OnceLock::new() }
    }

    /// This process's value, made with `make` if it has none yet.
    pub fn get_or_make(&self, make: impl Fn() -> T) -> &T {
        let mut here = self;
        while here.generation != generation() {
            here = here.child.get_or_init(|| Box::new(PerProcess::new(make())));
        }
        here.value()
    }

    /// This process's value, if it has one.
    pub fn get(&self) -> Option<&T> {
        let mut here = self;
        while here.generation != generation() {
            here = here.child.get()?;
        }
        Some(here.value())
    }

    fn value(&self) -> &T {
        self.value.as_ref().expect("only Drop takes it")
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        if self.generation != generation() {
            // The parent's: dropping it could wait for a lock that nobody here will ever give back.
            std::mem::forget(self.value.take());
        }
    }
}
