//! The library's log, kept line by line while a test looks at it.
#![allow(dead_code)] // each test file uses a part of it

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::support::api::*;

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
        let user_data: *mut c_void = (&raw const *log.lines).cast_mut().cast();
        unsafe { etcd_set_log(level, Some(keep), user_data) };
        log
    }

    /// What was told since this was last asked.
    pub fn told(&self) -> Vec<(c_int, String)> {
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

unsafe extern "C" fn keep(user_data: *mut c_void, level: c_int, message: *const c_char) {
    // SAFETY: `Log::at` gave it, and it is never freed.
    let lines = unsafe { &*user_data.cast::<Mutex<Vec<(c_int, String)>>>() };
    // SAFETY: the header lends us the message.
    let message = unsafe { CStr::from_ptr(message) }.to_str().expect("the log is UTF-8");
    lines.lock().unwrap_or_else(PoisonError::into_inner).push((level, message.to_owned()));
}
