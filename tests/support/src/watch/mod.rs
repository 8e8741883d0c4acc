//! Watches as the tests use them: what is pushed arrives on a channel, what is pulled is asked for, and that
//! callbacks never overlap and everything is given back once is checked for every one of them.

mod event;
pub mod ledger;
mod probe;
mod watcher;

use std::ffi::CString;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::mpsc::channel;

pub use etcd::ffi::watch::*;

pub use self::event::Event;
pub use self::probe::Probe;
use self::probe::{Doing, Given, OnRelease, Until, deliver, is_last, release};
pub use self::watcher::{Handle, Watcher};
use crate::api::{Client, ETCD_RECURSIVE, Reply, c, etcd_client, etcd_watch_range};
use crate::bytes::parts;

/// A watch to be.
pub struct Watch {
    client: *mut etcd_client,
    key: CString,
    flags: u32,
    from: u64,
    once: bool,
    doing: Option<Doing>,
    until: Option<Until>,
    on_release: Option<OnRelease>,
}

impl Watch {
    pub fn of(client: *mut etcd_client, key: &str) -> Watch {
        Watch { client, key: c(key), flags: 0, from: 0, once: false, doing: None, until: None, on_release: None }
    }

    pub fn recursive(self) -> Watch {
        self.flags(ETCD_RECURSIVE)
    }

    pub fn flags(self, flags: u32) -> Watch {
        Watch { flags, ..self }
    }

    pub fn from(self, index: u64) -> Watch {
        Watch { from: index, ..self }
    }

    pub fn once(self) -> Watch {
        Watch { once: true, ..self }
    }

    /// Inside the callback, after the event has been sent to the test.
    pub fn doing(self, doing: impl FnMut(&Event) + Send + 'static) -> Watch {
        Watch { doing: Some(Box::new(doing)), ..self }
    }

    pub fn until(self, until: impl FnMut(&Event) -> bool + Send + 'static) -> Watch {
        Watch { until: Some(Box::new(until)), ..self }
    }

    /// Inside `release`.
    pub fn releasing(self, on_release: impl FnOnce() + Send + 'static) -> Watch {
        Watch { on_release: Some(Box::new(on_release)), ..self }
    }

    /// Events are pushed.
    #[track_caller]
    pub fn push(self) -> Watcher {
        self.start(true).unwrap_or_else(|(error, _)| panic!("no watch: {error}"))
    }

    /// Events are pulled.
    #[track_caller]
    pub fn pull(self) -> Watcher {
        self.start(false).unwrap_or_else(|(error, _)| panic!("no watch: {error}"))
    }

    /// The error of a watch that must not come about, and whether `user_data` was given back once.
    #[track_caller]
    pub fn refused(self) -> Reply {
        let (error, probe) = self.start(true).err().expect("it must be refused");
        assert_eq!(probe.releases(), 1, "user_data comes back, also when registering failed");
        error
    }

    fn start(self, pushed: bool) -> Result<Watcher, (Reply, Arc<Probe>)> {
        let Watch { client, key, flags, from, once, doing, until, on_release } = self;
        let (sender, events) = channel();
        let probe = Arc::<Probe>::default();
        let asks = until.is_some();
        // What has no function to be called needs no thread: as a program that only pulls has it.
        let is_plain = !pushed && !asks && on_release.is_none();
        let (given, release): (_, etcd_release_fn) = if is_plain {
            probe.has_nothing_to_give_back();
            (null_mut(), None)
        } else {
            let given = Given { probe: probe.clone(), sender, doing, until, on_release };
            (Box::into_raw(Box::new(given)).cast(), Some(release))
        };
        let callback: etcd_watch_fn = if pushed { Some(deliver) } else { None };
        let predicate: etcd_predicate_fn = if asks { Some(is_last) } else { None };
        let mut error = null_mut();
        let key = key.as_ptr();
        let handle = unsafe {
            if once {
                assert!(!asks, "etcd_watch takes no predicate");
                etcd_watch(client, key, flags, from, callback, given, release, &mut error)
            } else {
                etcd_watchloop(client, key, flags, from, callback, predicate, given, release, &mut error)
            }
        };
        if handle.is_null() {
            return Err((unsafe { Reply::take(error) }, probe));
        }
        assert!(error.is_null(), "a handle and an error: {}", unsafe { Reply::take(error) });
        Ok(Watcher { handle, events: pushed.then_some(events), probe })
    }
}

/// A watch of a range of bytes, whose events are pulled.
#[track_caller]
pub fn watch_range(
    client: &Client,
    key: impl AsRef<[u8]>,
    end: impl AsRef<[u8]>,
    revision: i64,
    flags: u32,
) -> Watcher {
    let probe = Arc::<Probe>::default();
    probe.has_nothing_to_give_back();
    let ((key, key_length), (end, end_length)) = (parts(&key), parts(&end));
    let mut error = null_mut();
    let handle = unsafe {
        let raw = client.raw();
        etcd_watch_range(raw, key, key_length, end, end_length, revision, flags, None, null_mut(), None, &mut error)
    };
    assert!(!handle.is_null(), "no watch: {}", unsafe { Reply::take(error) });
    Watcher { handle, events: None, probe }
}
