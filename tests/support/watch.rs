//! Watches as the tests use them: what is pushed arrives on a channel, what is pulled is asked for, and that
//! callbacks never overlap and everything is given back once is checked for every one of them.
#![allow(dead_code)] // each test file uses a part of it

#[path = "watch/event.rs"]
mod event;
#[path = "watch/told.rs"]
mod told;
#[path = "watch/watcher.rs"]
mod watcher;

use std::ffi::CString;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

pub use etcd::ffi::watch::*;

pub use self::event::Event;
pub use self::told::Told;
use self::told::{Doing, Given, OnRelease, Until, deliver, is_last, release};
#[allow(unused_imports)] // each test program uses a part of it
pub use self::watcher::{Handle, Watcher};
pub use crate::configured::Configured;
use crate::support::api::{Client, ETCD_RECURSIVE, Reply, c, etcd_client};

/// A test that waits longer for something to happen has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

impl Configured {
    /// Of these endpoints, asking anew at least every `poll_ms` and pausing a tenth of a second at most.
    #[track_caller]
    pub fn polling(poll_ms: u32, urls: &[String]) -> Configured {
        let poll_ms = poll_ms.to_string();
        let pairs = [("watch.poll_ms", &*poll_ms), ("retry.max_delay_ms", "100"), ("timeout.request_ms", "10000")];
        Configured::of(urls, &pairs)
    }

    pub fn watch(&self, key: &str) -> Watch {
        Watch::of(self.raw(), key)
    }
}

/// A watch of a client that is connected the plain way.
pub fn watch(client: &Client, key: &str) -> Watch {
    Watch::of(client.raw(), key)
}

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
        let (error, told) = self.start(true).err().expect("it must be refused");
        assert_eq!(told.releases(), 1, "user_data comes back, also when registering failed");
        error
    }

    fn start(self, pushed: bool) -> Result<Watcher, (Reply, Arc<Told>)> {
        let Watch { client, key, flags, from, once, doing, until, on_release } = self;
        let (sender, events) = channel();
        let told = Arc::<Told>::default();
        let asks = until.is_some();
        let given = Box::into_raw(Box::new(Given { told: told.clone(), sender, doing, until, on_release })).cast();
        let callback: etcd_watch_fn = if pushed { Some(deliver) } else { None };
        let predicate: etcd_predicate_fn = if asks { Some(is_last) } else { None };
        let mut error = null_mut();
        let key = key.as_ptr();
        let handle = unsafe {
            if once {
                assert!(!asks, "etcd_watch takes no predicate");
                etcd_watch(client, key, flags, from, callback, given, Some(release), &mut error)
            } else {
                etcd_watchloop(client, key, flags, from, callback, predicate, given, Some(release), &mut error)
            }
        };
        if handle.is_null() {
            return Err((unsafe { Reply::take(error) }, told));
        }
        assert!(error.is_null(), "a handle and an error: {}", unsafe { Reply::take(error) });
        Ok(Watcher { handle, events: pushed.then_some(events), told })
    }
}
