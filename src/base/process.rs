//! What belongs to one process and must not be used by its forked children.
//!
//! A child inherits its parent's memory and sockets. If it used the sockets, the answers of both would be mixed up. If it
//! waited for a lock that another thread of the parent held at the fork, it would never get it. So a child uses
//! nothing of the kind: it makes its own on first use.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::base::locks::{Mutex, MutexGuard};

static GENERATION: AtomicU64 = AtomicU64::new(0);
static MAY_ASK_ENVIRONMENT: AtomicBool = AtomicBool::new(false);

/// Whether the environment may be asked for anything, such as where the authorities to trust are. Not in a program that
/// has more rights than who started it and made its environment (setuid, setgid, file capabilities).
pub fn may_ask_environment() -> bool {
    MAY_ASK_ENVIRONMENT.load(Ordering::Acquire)
}

/// To be called before the first client is made; until then nothing is asked.
pub fn set_may_ask_environment(may: bool) {
    MAY_ASK_ENVIRONMENT.store(may, Ordering::Release);
}

/// Held while a `OnceLock` is written. A child whose parent forks in that moment would find it being written, by a thread
/// that the child does not have.
static WRITING: Mutex<()> = Mutex::new(());

/// How many forks lie between this process and the one that loaded the library.
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// To be called in every forked child, before anything else of the library.
pub fn forked() {
    GENERATION.fetch_add(1, Ordering::AcqRel);
}

/// For `fork`, which must not happen while another thread holds it.
pub fn lock() -> MutexGuard<'static, ()> {
    WRITING.lock()
}

/// Leaves what is the parent process's as it is: it is not dropped, for its locks may be held by threads that this process
/// does not have.
pub fn leave<T>(parents: T) {
    std::mem::forget(parents);
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
            here = match here.child.get() {
                Some(child) => child,
                None => here.add_child(make()),
            };
        }
        here.value()
    }

    /// Made outside the lock, for it may take long; of two threads that make one, the first to be ready wins.
    fn add_child(&self, value: T) -> &PerProcess<T> {
        let child = Box::new(PerProcess::new(value));
        let _writing = lock();
        self.child.get_or_init(|| child)
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
