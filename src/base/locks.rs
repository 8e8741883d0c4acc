//! Locks that a panic leaves as they are. A panic is a bug, told as one (`panic`), and none of what is locked is left
//! half-way by it; so no lock here is ever poisoned.
//!
//! They are the standard library's; or, for the thread sanitizer, locks that it can see through. The sanitizer must be
//! compiled into all that synchronizes, and the standard library comes compiled: a thread that had to wait for one of its
//! locks would seem to hold none. `make tsan` builds with `--cfg tsan`.

pub use std::sync::{Arc, Weak};

#[cfg(tsan)]
pub use self::seen::*;
#[cfg(not(tsan))]
pub use self::standard::*;

#[cfg(not(tsan))]
mod standard {
    use std::sync::PoisonError;
    use std::time::Duration;

    pub use std::sync::{MutexGuard, OnceLock, RwLockReadGuard, RwLockWriteGuard};

    #[derive(Default)]
    pub struct Mutex<T>(std::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub const fn new(value: T) -> Mutex<T> {
            Mutex(std::sync::Mutex::new(value))
        }

        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    #[derive(Default)]
    pub struct RwLock<T>(std::sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub const fn new(value: T) -> RwLock<T> {
            RwLock(std::sync::RwLock::new(value))
        }

        pub fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().unwrap_or_else(PoisonError::into_inner)
        }

        pub fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().unwrap_or_else(PoisonError::into_inner)
        }
    }

    #[derive(Default)]
    pub struct Condvar(std::sync::Condvar);

    impl Condvar {
        pub const fn new() -> Condvar {
            Condvar(std::sync::Condvar::new())
        }

        pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
            self.0.wait(guard).unwrap_or_else(PoisonError::into_inner)
        }

        pub fn wait_timeout<'a, T>(&self, guard: MutexGuard<'a, T>, time: Duration) -> MutexGuard<'a, T> {
            self.0.wait_timeout(guard, time).unwrap_or_else(PoisonError::into_inner).0
        }

        pub fn wait_timeout_while<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            time: Duration,
            condition: impl FnMut(&mut T) -> bool,
        ) -> MutexGuard<'a, T> {
            self.0.wait_timeout_while(guard, time, condition).unwrap_or_else(PoisonError::into_inner).0
        }

        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}

#[cfg(tsan)]
mod seen {
    use std::time::Duration;

    pub use parking_lot::{Mutex, MutexGuard, RwLock, RwLockWriteGuard};

    #[derive(Default)]
    pub struct Condvar(parking_lot::Condvar);

    impl Condvar {
        pub const fn new() -> Condvar {
            Condvar(parking_lot::Condvar::new())
        }

        pub fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
            self.0.wait(&mut guard);
            guard
        }

        pub fn wait_timeout<'a, T>(&self, mut guard: MutexGuard<'a, T>, time: Duration) -> MutexGuard<'a, T> {
            self.0.wait_for(&mut guard, time);
            guard
        }

        pub fn wait_timeout_while<'a, T>(
            &self,
            mut guard: MutexGuard<'a, T>,
            time: Duration,
            condition: impl FnMut(&mut T) -> bool,
        ) -> MutexGuard<'a, T> {
            self.0.wait_while_for(&mut guard, condition, time);
            guard
        }

        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    /// Made with a lock held that is seen, for the standard library's own is not.
    #[derive(Default)]
    pub struct OnceLock<T>(std::sync::OnceLock<T>, Mutex<()>);

    impl<T> OnceLock<T> {
        pub const fn new() -> OnceLock<T> {
            OnceLock(std::sync::OnceLock::new(), Mutex::new(()))
        }

        pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
            let _made = self.1.lock();
            self.0.get_or_init(make)
        }
    }
}
