//! Mirrors: the C functions with texts copied in, and each handle freed.

use std::ffi::c_int;
use std::ptr::null_mut;
use std::time::Duration;

use etcd::ffi::watch::etcd_watch_fd;

use crate::api::*;
use crate::wait::PATIENCE;
use crate::watch::{Event, Handle};

/// A mirror, freed when dropped.
pub struct Mirror(pub *mut etcd_mirror);

// SAFETY: the header lets any thread use a mirror's handle.
unsafe impl Send for Mirror {}
// SAFETY: the same.
unsafe impl Sync for Mirror {}

impl Mirror {
    #[track_caller]
    pub fn open(client: &Client, key: &str) -> Mirror {
        Mirror::try_open(client, key).unwrap_or_else(|error| panic!("no mirror of {key}: {error}"))
    }

    pub fn try_open(client: &Client, key: &str) -> Result<Mirror, Reply> {
        let mut error = null_mut();
        let handle = unsafe { etcd_mirror_open(client.raw(), c(key).as_ptr(), &mut error) };
        if handle.is_null() { Err(unsafe { Reply::take(error) }) } else { Ok(Mirror(handle)) }
    }

    pub fn get(&self, key: &str) -> Reply {
        unsafe { Reply::take(etcd_mirror_get(self.0, c(key).as_ptr())) }
    }

    pub fn list(&self, key: &str) -> Reply {
        unsafe { Reply::take(etcd_mirror_list(self.0, c(key).as_ptr())) }
    }

    pub fn wait(&self, index: u64, time: Duration) -> c_int {
        unsafe { etcd_mirror_wait(self.0, index, time.as_millis() as i64) }
    }

    /// Waits until it has seen what a reply tells of.
    #[track_caller]
    pub fn sees(&self, reply: Reply) {
        let index = u64::try_from(reply.int("/header/etcdIndex")).expect("an index");
        assert_eq!(self.wait(index, PATIENCE), 1, "{reply} is not seen");
    }

    /// The next change, which must come.
    #[track_caller]
    pub fn next(&self) -> Event {
        self.next_within(PATIENCE).unwrap_or_else(|| panic!("no change within {PATIENCE:?}"))
    }

    pub fn next_within(&self, time: Duration) -> Option<Event> {
        let text = unsafe { etcd_mirror_next(self.0, time.as_millis() as i64) };
        (!text.is_null()).then(|| Event::from(unsafe { Reply::take(text) }.raw()))
    }

    pub fn fd(&self) -> c_int {
        unsafe { etcd_mirror_fd(self.0) }
    }

    /// Waits for an index without a call that waits.
    #[track_caller]
    pub fn awaited(&self, index: u64) -> Awaited {
        let mut error = null_mut();
        let handle = unsafe { etcd_mirror_await(self.0, index, &mut error) };
        assert!(!handle.is_null(), "{}", unsafe { Reply::take(error) });
        Awaited(Handle(handle))
    }
}

/// An index that is waited for, freed when dropped.
pub struct Awaited(Handle);

impl Awaited {
    /// That it is seen, or why it will not be.
    #[track_caller]
    pub fn event(&self) -> Event {
        self.0.event()
    }

    pub fn fd(&self) -> c_int {
        unsafe { etcd_watch_fd(self.0.0) }
    }

    /// Whether nothing more comes of it, by then.
    pub fn is_over(&self, time: Duration) -> bool {
        self.0.has_ended(time.as_millis() as i64) && self.0.is_over()
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.free();
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        unsafe { etcd_mirror_free(self.0) };
    }
}
