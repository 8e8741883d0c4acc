//! The callbacks of a watch under test, and what is known of it from outside.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::Sender;

use super::event::Event;

pub type Doing = Box<dyn FnMut(&Event) + Send>;
pub type Until = Box<dyn FnMut(&Event) -> bool + Send>;
pub type OnRelease = Box<dyn FnOnce() + Send>;

/// What is known of one watch from outside, also after it is gone.
#[derive(Default)]
pub struct Probe {
    calls: AtomicU32,
    releases: AtomicU32,
    inside: AtomicBool,
    overlapped: AtomicBool,
    called_after_release: AtomicBool,
    /// It was given no `user_data`.
    has_nothing: AtomicBool,
}

impl Probe {
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }

    pub fn releases(&self) -> u32 {
        self.releases.load(Ordering::SeqCst)
    }

    pub fn has_nothing_to_give_back(&self) {
        self.has_nothing.store(true, Ordering::SeqCst);
    }

    fn enter(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.inside.swap(true, Ordering::SeqCst) {
            self.overlapped.store(true, Ordering::SeqCst);
        }
        if self.releases() > 0 {
            self.called_after_release.store(true, Ordering::SeqCst);
        }
    }

    fn leave(&self) {
        self.inside.store(false, Ordering::SeqCst);
    }

    /// `user_data` is back, if there was any.
    pub fn is_given_back(&self) -> bool {
        self.has_nothing.load(Ordering::SeqCst) || self.releases() > 0
    }

    /// The watch is over, and `user_data` back, once.
    #[track_caller]
    pub fn is_settled(&self) {
        let given = u32::from(!self.has_nothing.load(Ordering::SeqCst));
        assert_eq!(self.releases(), given, "user_data comes back once");
        self.has_behaved();
    }

    #[track_caller]
    fn has_behaved(&self) {
        assert!(!self.overlapped.load(Ordering::SeqCst), "callbacks of one watch overlapped");
        assert!(!self.called_after_release.load(Ordering::SeqCst), "a callback after release");
    }
}

/// What a watch is given as its user_data.
pub struct Given {
    pub probe: Arc<Probe>,
    pub sender: Sender<Event>,
    pub doing: Option<Doing>,
    pub until: Option<Until>,
    pub on_release: Option<OnRelease>,
}

pub unsafe extern "C" fn deliver(given: *mut c_void, event: *const c_char) {
    // SAFETY: what `start` gave, on the only thread that has it.
    let given = unsafe { &mut *given.cast::<Given>() };
    given.probe.enter();
    // SAFETY: the header lends us the event.
    let event = unsafe { Event::read(event) };
    let _ = given.sender.send(event.clone()); // nobody listens: the test is over
    if let Some(doing) = &mut given.doing {
        doing(&event);
    }
    given.probe.leave();
}

pub unsafe extern "C" fn is_last(given: *mut c_void, event: *const c_char) -> c_int {
    // SAFETY: as above.
    let given = unsafe { &mut *given.cast::<Given>() };
    given.probe.enter();
    // SAFETY: as above.
    let event = unsafe { Event::read(event) };
    let is_last = given.until.as_mut().is_some_and(|until| until(&event));
    given.probe.leave();
    c_int::from(is_last)
}

pub unsafe extern "C" fn release(given: *mut c_void) {
    // SAFETY: what `start` gave; nobody has it any more.
    let given = unsafe { Box::from_raw(given.cast::<Given>()) };
    if given.probe.inside.load(Ordering::SeqCst) {
        given.probe.overlapped.store(true, Ordering::SeqCst);
    }
    if let Some(on_release) = given.on_release {
        on_release();
    }
    if given.probe.releases.fetch_add(1, Ordering::SeqCst) > 0 {
        given.probe.called_after_release.store(true, Ordering::SeqCst);
    }
}
