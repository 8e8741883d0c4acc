//! Handles: numbers that look like pointers, each for one living object; and the registry of each kind.
//!
//! A handle is looked up, never followed. So a handle that was freed, freed twice, made up, or of another kind is
//! error 1001, where a pointer would be followed into freed memory. An object lives on while other threads use it,
//! also when its handle is freed meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, RwLock, RwLockWriteGuard};
use crate::client::Client;
use crate::config::Settings;
use crate::recipes::lease::Lease;
use crate::recipes::lock::Lock;
use crate::recipes::mirror::Mirror;
use crate::watch::Watcher;

pub static CLIENTS: Handles<Client> = Handles::new();
pub static CONFIGS: Handles<Settings> = Handles::new();
pub static MIRRORS: Handles<Mirror> = Handles::new();
pub static WATCHERS: Handles<Watcher> = Handles::new();
pub static LEASES: Handles<Lease> = Handles::new();
pub static LOCKS: Handles<Lock> = Handles::new();

/// All registries, locked for the moment of a fork.
pub struct Locked {
    _configs: RwLockWriteGuard<'static, Living<Settings>>,
    _clients: RwLockWriteGuard<'static, Living<Client>>,
    _mirrors: RwLockWriteGuard<'static, Living<Mirror>>,
    _watchers: RwLockWriteGuard<'static, Living<Watcher>>,
    _leases: RwLockWriteGuard<'static, Living<Lease>>,
    _locks: RwLockWriteGuard<'static, Living<Lock>>,
}

/// Waits until no other thread is in a registry, and keeps all out.
pub fn lock_all() -> Locked {
    Locked {
        _configs: CONFIGS.lock(),
        _clients: CLIENTS.lock(),
        _mirrors: MIRRORS.lock(),
        _watchers: WATCHERS.lock(),
        _leases: LEASES.lock(),
        _locks: LOCKS.lock(),
    }
}

/// The objects of one kind, by their handles.
pub struct Handles<T>(RwLock<Living<T>>);

type Living<T> = BTreeMap<usize, Arc<T>>;

/// Shared by all kinds, so that a handle of one is never one of another; never used again. Not a multiple of a page, so
/// that it is not taken for an address, and not below 4,096, where Go takes a pointer for a bug and ends the program.
static NEXT: AtomicUsize = AtomicUsize::new(0x1001);
const STEP: usize = 2;

impl<T> Handles<T> {
    pub const fn new() -> Handles<T> {
        Handles(RwLock::new(BTreeMap::new()))
    }

    pub fn insert<H>(&self, object: Arc<T>) -> *mut H {
        let handle = NEXT.fetch_add(STEP, Ordering::Relaxed);
        self.lock().insert(handle, object);
        std::ptr::without_provenance_mut(handle)
    }

    /// The object of a handle that the caller passed as `name`.
    pub fn get<H>(&self, handle: *const H, name: &str) -> Result<Arc<T>> {
        self.0.read().get(&handle.addr()).cloned().ok_or_else(|| unknown(handle, name))
    }

    /// Changes the object of a handle; calls that use it already keep it as it was. The object has no lock of its own,
    /// which a fork might find taken.
    pub fn change<H>(&self, handle: *const H, name: &str, change: impl FnOnce(&mut T) -> Result<()>) -> Result<()>
    where
        T: Clone,
    {
        match self.lock().get_mut(&handle.addr()) {
            Some(object) => change(Arc::make_mut(object)),
            None => Err(unknown(handle, name)),
        }
    }

    /// Takes the object out. The handle is invalid from then on.
    pub fn remove<H>(&self, handle: *const H) -> Option<Arc<T>> {
        self.lock().remove(&handle.addr())
    }

    fn lock(&self) -> RwLockWriteGuard<'_, Living<T>> {
        self.0.write()
    }
}

#[cold]
fn unknown<H>(handle: *const H, name: &str) -> Error {
    let what = if handle.is_null() { "must not be NULL" } else { "not a handle of this kind, or freed already" };
    Error::invalid(format!("{name}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_means_one_object_until_it_is_freed() {
        let (numbers, texts) = (Handles::<i32>::new(), Handles::<String>::new());
        let number = numbers.insert::<u8>(Arc::new(7));
        let text = texts.insert::<u8>(Arc::new("a".into()));
        assert_eq!(*numbers.get(number, "n").unwrap(), 7);
        assert_eq!(numbers.get(text, "n").unwrap_err().code, 1001, "of another kind");
        assert_eq!(numbers.get(std::ptr::null::<u8>(), "n").unwrap_err().cause, "n: must not be NULL");
        let before = numbers.get(number, "n").unwrap();
        let add = |n: &mut i32| {
            *n += 1;
            Ok(())
        };
        assert!(numbers.change(number, "n", add).is_ok());
        assert_eq!(numbers.change(text, "n", add).unwrap_err().code, 1001);
        assert_eq!((*before, *numbers.get(number, "n").unwrap()), (7, 8));
        assert!(numbers.remove(number).is_some());
        assert!(numbers.remove(number).is_none(), "freed twice");
        assert_eq!(numbers.get(number, "n").unwrap_err().code, 1001, "freed");
        assert_ne!(numbers.insert::<u8>(Arc::new(8)), number, "never used again");
    }
}
