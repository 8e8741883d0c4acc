//! A running watch, and its handle.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use etcd::ffi::watch::*;
use serde_json::Value;

use super::event::Event;
use super::probe::Probe;
use crate::api::Reply;
use crate::wait::PATIENCE;

/// A watch, freed when dropped.
pub struct Watcher {
    pub(super) handle: *mut etcd_watcher,
    /// None: they are pulled.
    pub(super) events: Option<Receiver<Event>>,
    pub(super) probe: Arc<Probe>,
}

// SAFETY: the header lets any thread use a watcher's handle.
unsafe impl Send for Watcher {}

impl Watcher {
    pub fn handle(&self) -> Handle {
        Handle(self.handle)
    }

    pub fn probe(&self) -> Arc<Probe> {
        self.probe.clone()
    }

    /// The next event, which must come.
    #[track_caller]
    pub fn next(&self) -> Event {
        self.next_within(PATIENCE).unwrap_or_else(|| panic!("no event within {PATIENCE:?}"))
    }

    /// The next event. None: nothing in time, or nothing any more.
    pub fn next_within(&self, time: Duration) -> Option<Event> {
        match &self.events {
            Some(events) => events.recv_timeout(time).ok(),
            None => self.handle().next(time.as_millis() as i64),
        }
    }

    /// The next event's value.
    #[track_caller]
    pub fn next_value(&self) -> String {
        self.next().value()
    }

    /// Events up to the change to this value, which is not among them; or up to a resync that knows it, which is.
    #[track_caller]
    pub fn until_value(&self, last: &str) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.next();
            let is_resync = event.is_resync();
            let is_last =
                if is_resync { holds(&event.json["node"], last) } else { event.json["node"]["value"] == last };
            if is_resync || !is_last {
                events.push(event);
            }
            if is_last {
                return events;
            }
        }
    }

    pub fn fd(&self) -> c_int {
        unsafe { etcd_watch_fd(self.handle) }
    }

    /// Whether something waits to be fetched, at the latest after `time`.
    #[track_caller]
    pub fn is_readable(&self, time: Duration) -> bool {
        crate::is_readable(self.fd(), time)
    }

    pub fn stop(&self) {
        self.handle().stop();
    }

    pub fn wait(&self, time: Duration) -> bool {
        self.handle().has_ended(time.as_millis() as i64)
    }

    /// Waits for the end, which must come.
    #[track_caller]
    pub fn ends(&self) {
        assert!(self.wait(PATIENCE), "not ended within {PATIENCE:?}");
        self.probe.is_settled();
    }

    /// It ends by itself with this error as its last event.
    #[track_caller]
    pub fn ends_with(&self, code: i32) {
        let last = self.next();
        assert_eq!(last.code(), code, "{last}");
        self.ends();
        assert!(self.next_within(Duration::ZERO).is_none(), "something after the last event");
    }

    /// Frees it and checks that it behaved: see `Drop`.
    pub fn free(self) {}
}

/// Whether this node, or one below it, has that value.
fn holds(node: &Value, value: &str) -> bool {
    node["value"] == value || node["nodes"].as_array().is_some_and(|nodes| nodes.iter().any(|node| holds(node, value)))
}

/// What other threads and callbacks know a watch by. It may be freed.
#[derive(Clone, Copy)]
pub struct Handle(pub *mut etcd_watcher);

// SAFETY: the header lets any thread use a watcher's handle.
unsafe impl Send for Handle {}
// SAFETY: the same.
unsafe impl Sync for Handle {}

impl Handle {
    /// The next event; None: nothing in time, or nothing any more.
    pub fn next(self, timeout_ms: i64) -> Option<Event> {
        let text = unsafe { etcd_watch_next(self.0, timeout_ms) };
        (!text.is_null()).then(|| Event::from(unsafe { Reply::take(text) }.raw()))
    }

    /// The next event, which must come.
    #[track_caller]
    pub fn event(self) -> Event {
        self.next(PATIENCE.as_millis() as i64).unwrap_or_else(|| panic!("no event within {PATIENCE:?}"))
    }

    pub fn stop(self) {
        unsafe { etcd_watch_stop(self.0) };
    }

    /// Whether nothing more will come of it.
    pub fn is_over(self) -> bool {
        match unsafe { etcd_watch_ended(self.0) } {
            0 => false,
            1 => true,
            other => panic!("etcd_watch_ended returned {other}"),
        }
    }

    pub fn has_ended(self, timeout_ms: i64) -> bool {
        match unsafe { etcd_watch_wait(self.0, timeout_ms) } {
            0 => false,
            1 => true,
            other => panic!("etcd_watch_wait returned {other}"),
        }
    }

    pub fn free(self) {
        unsafe { etcd_watch_free(self.0) };
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        unsafe { etcd_watch_free(self.handle) };
        if !std::thread::panicking() {
            self.probe.is_settled();
        }
    }
}
