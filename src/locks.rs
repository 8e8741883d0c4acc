//! The standard library's locks; or, for the thread sanitizer, some that it can see through.
//!
//! It has to be compiled into all that synchronizes, and the standard library comes compiled: whoever had to wait for one
//! of its locks would seem to hold none. `make tsan` builds with `--cfg tsan`.

#[cfg(not(tsan))]
pub use std::sync::*;

#[cfg(tsan)]
pub use self::seen::*;

/// With the names and the signatures of the standard library's; nothing is ever poisoned.
#[cfg(tsan)]
mod seen {
    use std::time::Duration;

    pub use parking_lot::{MutexGuard, RwLockReadGuard, RwLockWriteGuard};
    pub use std::sync::{Arc, LockResult, Once, PoisonError, Weak};

    #[derive(Default)]
    pub struct Mutex<T>(parking_lot::Mutex<T>);

    impl<T> Mutex<T> {
        pub const fn new(value: T) -> Mutex<T> {
            Mutex(parking_lot::Mutex::new(value))
        }

        pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
            Ok(self.0.lock())
        }
    }

    #[derive(Default)]
    pub struct RwLock<T>(parking_lot::RwLock<T>);

    impl<T> RwLock<T> {
        pub const fn new(value: T) -> RwLock<T> {
            RwLock(parking_lot::RwLock::new(value))
        }

        pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
            Ok(self.0.read())
        }

        pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
            Ok(self.0.write())
        }
    }

    #[derive(Default)]
    pub struct Condvar(parking_lot::Condvar);

    impl Condvar {
        pub const fn new() -> Condvar {
            Condvar(parking_lot::Condvar::new())
        }

        pub fn wait<'a, T>(&self, mut guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
            self.0.wait(&mut guard);
            Ok(guard)
        }

        pub fn wait_timeout<'a, T>(
            &self,
            mut guard: MutexGuard<'a, T>,
            time: Duration,
        ) -> LockResult<(MutexGuard<'a, T>, bool)> {
            let outcome = self.0.wait_for(&mut guard, time);
            Ok((guard, outcome.timed_out()))
        }

        pub fn wait_timeout_while<'a, T>(
            &self,
            mut guard: MutexGuard<'a, T>,
            time: Duration,
            condition: impl FnMut(&mut T) -> bool,
        ) -> LockResult<(MutexGuard<'a, T>, bool)> {
            let outcome = self.0.wait_while_for(&mut guard, condition, time);
            Ok((guard, outcome.timed_out()))
        }

        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}
