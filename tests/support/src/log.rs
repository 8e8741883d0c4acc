//! The library's log, kept line by line while a test looks at it.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::api::*;

/// The log is the whole process's: one of these at a time, and the lines of tests that run beside it are among its own.
pub struct Log {
    lines: Box<Mutex<Vec<(c_int, String)>>>,
    _alone: MutexGuard<'static, ()>,
}

impl Log {
    pub fn at(level: c_int) -> Log {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let log = Log { lines: Box::default(), _alone: alone };
        log.set(level);
        log
    }

    pub fn set(&self, level: c_int) {
        unsafe { etcd_set_log(level, Some(keep), self.user_data()) };
    }

    pub fn user_data(&self) -> *mut c_void {
        (&raw const *self.lines).cast_mut().cast()
    }

    /// The lines since the last call.
    pub fn take(&self) -> Vec<(c_int, String)> {
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        unsafe { etcd_set_log(ETCD_LOG_OFF, None, null_mut()) };
        // A line under way in another thread may still reach it.
        std::mem::forget(std::mem::take(&mut self.lines));
    }
}

/// The callback.
///
/// # Safety
/// `user_data` is that of a `Log`, and `message` is a C string.
pub unsafe extern "C" fn keep(user_data: *mut c_void, level: c_int, message: *const c_char) {
    // SAFETY: `Log::at` gave it, and it is never freed.
    let lines = unsafe { &*user_data.cast::<Mutex<Vec<(c_int, String)>>>() };
    // SAFETY: the header lends us the message.
    let message = unsafe { CStr::from_ptr(message) }.to_str().expect("the log is UTF-8");
    lines.lock().unwrap_or_else(PoisonError::into_inner).push((level, message.to_owned()));
}
