//! `pthread_cancel`: no call of the library is a point at which its thread is cancelled.
//!
//! To cancel a thread is to unwind its stack, and what is unwound here would leave locks behind; Rust ends the process
//! instead. So a call disables cancellation and puts it back at its end; on the library's own threads, of which a program
//! knows from its first callback on, it stays disabled from there on.

use std::ffi::c_int;

// libc (the crate) does not have it for Linux.
unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, former: *mut c_int) -> c_int;
}

/// `PTHREAD_CANCEL_DISABLE` of Linux's C libraries.
const DISABLE: c_int = 1;

/// Until it is dropped, this thread is not cancelled.
pub struct Disabled {
    former: c_int,
}

impl Disabled {
    pub fn new() -> Disabled {
        Disabled { former: set(DISABLE) }
    }
}

impl Drop for Disabled {
    fn drop(&mut self) {
        set(self.former);
    }
}

/// For a thread of the library's own.
pub fn disable() {
    set(DISABLE);
}

fn set(state: c_int) -> c_int {
    let mut former = DISABLE;
    // Miri has no such threads, and does not know the function.
    if cfg!(miri) {
        return former;
    }
    // SAFETY: `former` is a place for the former state. It fails for an invalid state only.
    unsafe { pthread_setcancelstate(state, &mut former) };
    former
}
