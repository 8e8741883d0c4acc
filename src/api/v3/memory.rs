//! What a client remembers between calls.

use crate::base::locks::Mutex;
use crate::base::process::PerProcess;

/// Something remembered, by each process for itself. The lock is held for the closure alone, in which no server is asked:
/// a child forked meanwhile would never get it.
pub struct Memory<T>(PerProcess<Mutex<T>>);

impl<T: Default> Memory<T> {
    pub fn with<R>(&self, use_it: impl FnOnce(&mut T) -> R) -> R {
        use_it(&mut self.0.get_or_make(Mutex::default).lock())
    }
}

impl<T: Default> Default for Memory<T> {
    fn default() -> Memory<T> {
        Memory(PerProcess::new(Mutex::default()))
    }
}
