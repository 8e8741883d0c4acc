//! Handles: numbers that look like pointers, each for one living object.
//!
//! A handle is looked up, never followed. So one that was freed, freed twice, made up, or of another
//! kind is found out and told, where a pointer would be followed into freed memory; and whoever frees a
//! handle does not pull the object away from under the calls of other threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::locks::{Arc, PoisonError, RwLock, RwLockWriteGuard};

pub struct Registry<T>(RwLock<Living<T>>);

pub type Living<T> = BTreeMap<usize, Arc<T>>;

/// Shared by all kinds, so that a handle of one is never one of another; never used again. Not a multiple of a page,
/// lest it be taken for an address, and not below 4,096, where Go takes a pointer for a bug and ends the program.
static NEXT: AtomicUsize = AtomicUsize::new(0x1001);
const STEP: usize = 2;

impl<T> Registry<T> {
    pub const fn new() -> Registry<T> {
        Registry(RwLock::new(BTreeMap::new()))
    }

    pub fn insert<H>(&self, object: Arc<T>) -> *mut H {
        let handle = NEXT.fetch_add(STEP, Ordering::Relaxed);
        self.lock().insert(handle, object);
        std::ptr::without_provenance_mut(handle)
    }

    /// The object behind a handle that the caller passed as `name`.
    pub fn get<H>(&self, handle: *const H, name: &str) -> Result<Arc<T>> {
        if handle.is_null() {
            return Err(Error::invalid(format!("{name}: must not be NULL")));
        }
        let living = self.0.read().unwrap_or_else(PoisonError::into_inner);
        living
            .get(&handle.addr())
            .cloned()
            .ok_or_else(|| Error::invalid(format!("{name}: not a handle of this kind, or freed already")))
    }

    /// Changes the object behind a handle; those who have it already keep it as it was. Not a lock of its own, which
    /// would be one more that a fork can find taken.
    pub fn change<H>(&self, handle: *const H, change: impl FnOnce(&mut T))
    where
        T: Clone,
    {
        if let Some(object) = self.lock().get_mut(&handle.addr()) {
            change(Arc::make_mut(object));
        }
    }

    /// Takes the object out, so that the handle means nothing any more.
    pub fn remove<H>(&self, handle: *const H) -> Option<Arc<T>> {
        self.lock().remove(&handle.addr())
    }

    /// For `fork`, which must not happen while another thread is in here.
    pub fn lock(&self) -> RwLockWriteGuard<'_, Living<T>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_means_one_object_until_it_is_freed() {
        let (numbers, texts) = (Registry::<i32>::new(), Registry::<String>::new());
        let number = numbers.insert::<u8>(Arc::new(7));
        let text = texts.insert::<u8>(Arc::new("a".into()));
        assert_eq!(*numbers.get(number, "n").unwrap(), 7);
        assert_eq!(numbers.get(text, "n").unwrap_err().code, 1001, "of another kind");
        assert_eq!(numbers.get(std::ptr::null::<u8>(), "n").unwrap_err().cause, "n: must not be NULL");
        let before = numbers.get(number, "n").unwrap();
        numbers.change(number, |n| *n += 1);
        numbers.change(text, |n| *n += 1);
        assert_eq!((*before, *numbers.get(number, "n").unwrap()), (7, 8));
        assert!(numbers.remove(number).is_some());
        assert!(numbers.remove(number).is_none(), "freed twice");
        assert_eq!(numbers.get(number, "n").unwrap_err().code, 1001, "freed");
        assert_ne!(numbers.insert::<u8>(Arc::new(8)), number, "never used again");
    }
}
