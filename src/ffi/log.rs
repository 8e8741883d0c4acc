//! Logging
//!
//! The library prints nothing. What it has to say goes to a callback, if there is one.

use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::Arc;

use super::guard;
use crate::log::{self, Level, Sink};

/// Nothing.
pub const ETCD_LOG_OFF: c_int = 0;
/// What needs a programmer's eye.
pub const ETCD_LOG_ERROR: c_int = 1;
/// What went wrong; the call's error tells it too.
pub const ETCD_LOG_WARN: c_int = 2;
/// What changed: a watch that resumed, an endpoint left for another.
pub const ETCD_LOG_INFO: c_int = 3;
/// Every request, and the body of every reply.
pub const ETCD_LOG_DEBUG: c_int = 4;

/// Takes one line of the log, on whatever thread it arises. `message` is borrowed until the callback
/// returns. Passwords and `Authorization` lines never appear in it. It may call the library, which at `ETCD_LOG_DEBUG` makes
/// further lines.
#[allow(non_camel_case_types)]
pub type etcd_log_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, level: c_int, message: *const c_char)>;

/// Sets the log callback of the whole process, in place of the one before. A line under way in another
/// thread may still reach that one.
///
/// - `level`: `ETCD_LOG_OFF` to `ETCD_LOG_DEBUG`; lines above it are not made. Any other value counts as the nearest.
/// - `callback`: NULL turns the log off.
/// - `user_data`: handed to the callback; may be NULL. It must live as long as a line may be under way: to be safe, as
///   long as the process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_set_log(level: c_int, callback: etcd_log_fn, user_data: *mut c_void) {
    guard::plain((), || log::set(level, callback.map(|callback| sink(callback, UserData(user_data)))));
}

struct UserData(*mut c_void);

// SAFETY: the header has the callback, and so its user_data, bear any thread.
unsafe impl Send for UserData {}
// SAFETY: the same.
unsafe impl Sync for UserData {}

impl UserData {
    fn get(&self) -> *mut c_void {
        self.0
    }
}

fn sink(callback: unsafe extern "C" fn(*mut c_void, c_int, *const c_char), user_data: UserData) -> Sink {
    Arc::new(move |level: Level, line: &str| {
        // A reply's text may hold anything; C sees a NUL as the end.
        let line = CString::new(line.replace('\0', "\u{fffd}")).expect("its NULs are gone");
        // SAFETY: the header has the callback bear any thread, and its user_data live as long as it is set.
        unsafe { callback(user_data.get(), level as c_int, line.as_ptr()) }
    })
}
