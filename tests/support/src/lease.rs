//! Leases, registrations and locks: the C functions with texts copied in, and each handle freed.

use std::ffi::{c_char, c_int};
use std::ptr::null_mut;
use std::time::Duration;

pub use etcd::ffi::lease::*;
pub use etcd::ffi::lock::*;

use crate::api::*;
use crate::watch::{Event, Handle};

/// A lease or a registration, freed when dropped.
pub struct Lease(*mut etcd_lease);

// SAFETY: the header lets any thread use a handle.
unsafe impl Send for Lease {}
// SAFETY: the same.
unsafe impl Sync for Lease {}

impl Lease {
    pub fn open(client: &Client, ttl: i64) -> Result<Lease, Reply> {
        made(|error| unsafe { etcd_lease_open(client.raw(), ttl, error) }).map(Lease)
    }

    pub fn register(client: &Client, key: &str, value: &str, ttl: i64) -> Result<Lease, Reply> {
        let (key, value) = (c(key), c(value));
        made(|error| unsafe { etcd_register(client.raw(), key.as_ptr(), value.as_ptr(), ttl, error) }).map(Lease)
    }

    pub fn id(&self) -> i64 {
        unsafe { etcd_lease_id(self.0) }
    }

    pub fn remaining(&self) -> Duration {
        Duration::from_millis(unsafe { etcd_lease_remaining_ms(self.0) }.unsigned_abs())
    }

    pub fn state(&self) -> Reply {
        unsafe { Reply::take(etcd_lease_state(self.0)) }
    }

    /// `alive`, `lost` or `revoked`.
    pub fn is(&self, state: &str) -> bool {
        self.state().text("/state").as_deref() == Some(state)
    }

    pub fn renewals(&self) -> i64 {
        self.state().int("/renewals")
    }

    pub fn fd(&self) -> c_int {
        unsafe { etcd_lease_fd(self.0) }
    }

    pub fn revoke(&self) -> Reply {
        unsafe { Reply::take(etcd_lease_revoke(self.0)) }
    }

    /// The handle, for calls that this wrapper would not make.
    pub fn raw(&self) -> *mut etcd_lease {
        self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        unsafe { etcd_lease_free(self.0) };
    }
}

/// A lock, given up when dropped.
pub struct Lock(*mut etcd_lock);

// SAFETY: the header lets any thread use a handle.
unsafe impl Send for Lock {}
// SAFETY: the same.
unsafe impl Sync for Lock {}

impl Lock {
    pub fn open(client: &Client, name: &str, value: &str, ttl: i64, flags: u32) -> Result<Lock, Reply> {
        let (name, value) = (c(name), c(value));
        let open = |error| unsafe { etcd_lock_open(client.raw(), name.as_ptr(), value.as_ptr(), ttl, flags, error) };
        made(open).map(Lock)
    }

    /// 1: held; 0: not yet; -1: lost.
    pub fn wait(&self, time: Duration) -> c_int {
        unsafe { etcd_lock_wait(self.0, time.as_millis() as i64) }
    }

    pub fn is_held(&self) -> bool {
        self.wait(Duration::ZERO) == 1
    }

    pub fn fd(&self) -> c_int {
        unsafe { etcd_lock_fd(self.0) }
    }

    pub fn remaining(&self) -> Duration {
        Duration::from_millis(unsafe { etcd_lock_remaining_ms(self.0) }.unsigned_abs())
    }

    pub fn token(&self) -> u64 {
        unsafe { etcd_lock_token(self.0) }
    }

    pub fn state(&self) -> Reply {
        unsafe { Reply::take(etcd_lock_state(self.0)) }
    }

    pub fn key(&self) -> String {
        self.state().text("/key").expect("a lock has a key")
    }

    pub fn proclaim(&self, value: &str) -> Reply {
        unsafe { Reply::take(etcd_lock_proclaim(self.0, c(value).as_ptr())) }
    }

    pub fn txn(&self, json: &str) -> Reply {
        unsafe { Reply::take(etcd_lock_txn(self.0, c(json).as_ptr())) }
    }

    /// The handle, for calls that this wrapper would not make.
    pub fn raw(&self) -> *mut etcd_lock {
        self.0
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        unsafe { etcd_lock_free(self.0) };
    }
}

/// A watch of who leads, freed when dropped.
pub struct Leadership(Handle);

impl Leadership {
    #[track_caller]
    pub fn watch(client: &Client, name: &str) -> Leadership {
        let name = c(name);
        let made = made(|error| unsafe { etcd_leader_watch(client.raw(), name.as_ptr(), error) });
        Leadership(Handle(made.unwrap_or_else(|error| panic!("{error}"))))
    }

    /// The next event, which must come.
    #[track_caller]
    pub fn event(&self) -> Event {
        self.0.event()
    }

    /// The value of the next leader; `None`: there is none.
    #[track_caller]
    pub fn next(&self) -> Option<String> {
        let event = self.event();
        let leader = event.json.get("leader").unwrap_or_else(|| panic!("{event}"));
        leader["value"].as_str().map(str::to_owned)
    }

    /// Waits until this one leads, whoever did in between.
    #[track_caller]
    pub fn until(&self, value: Option<&str>) {
        while self.next().as_deref() != value {}
    }

    /// Waits until nothing more can come.
    pub fn until_the_end(&self) {
        while self.0.next(-1).is_some() {}
    }
}

impl Drop for Leadership {
    fn drop(&mut self) {
        self.0.free();
    }
}

fn made<T>(make: impl FnOnce(*mut *mut c_char) -> *mut T) -> Result<*mut T, Reply> {
    let mut error = null_mut();
    let handle = make(&mut error);
    assert_eq!(handle.is_null(), !error.is_null(), "either a handle or an error");
    if handle.is_null() { Err(unsafe { Reply::take(error) }) } else { Ok(handle) }
}
