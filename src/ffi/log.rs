//! Logging
//!
//! The library prints nothing. Its log goes to a callback, if one is set.

use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::Arc;

use super::{callback, guard};
use crate::base::log::{self, Level, Sink};

/// No lines.
pub const ETCD_LOG_OFF: c_int = 0;
/// What a programmer must look at.
pub const ETCD_LOG_ERROR: c_int = 1;
/// What went wrong; the error of the call says it, too.
pub const ETCD_LOG_WARN: c_int = 2;
/// What changed: a watch that resumed, an endpoint left for another.
pub const ETCD_LOG_INFO: c_int = 3;
/// Every request, and the body of every reply.
pub const ETCD_LOG_DEBUG: c_int = 4;

/// Takes one line of the log, on the thread in which it arises: several threads may be inside it at once. `message` is
/// borrowed until the callback returns. Passwords and `Authorization` lines never appear in it. It may call the library,
/// which at `ETCD_LOG_DEBUG` makes further lines.
///
/// Since: 0.1.0
#[allow(non_camel_case_types)]
pub type etcd_log_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, level: c_int, message: *const c_char)>;

/// Sets the log callback of the whole process, in place of the former one. It returns when no call of the former one is
/// running any more, so that its `user_data` can be freed; the caller must hold no lock that the former one waits for.
/// Inside a log callback it returns at once.
///
/// - `level`: `ETCD_LOG_OFF` to `ETCD_LOG_DEBUG`; lines above it are not made. Any other value counts as the nearest.
/// - `callback`: NULL turns the log off.
/// - `user_data`: handed to the callback; may be NULL. It must live until another callback is set.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_set_log(level: c_int, callback: etcd_log_fn, user_data: *mut c_void) {
    guard::plain((), || log::set(level, callback.map(|callback| sink(callback, UserData(user_data)))));
}

struct UserData(*mut c_void);

// SAFETY: the header has the callback be called on any thread with its user_data.
unsafe impl Send for UserData {}
// SAFETY: the same.
unsafe impl Sync for UserData {}

impl UserData {
    fn get(&self) -> *mut c_void {
        self.0
    }
}

fn sink(function: unsafe extern "C" fn(*mut c_void, c_int, *const c_char), user_data: UserData) -> Sink {
    Arc::new(move |level: Level, line: &str| {
        // A reply's text may hold anything; C sees a NUL as the end.
        let line = CString::new(line.replace('\0', "\u{fffd}")).expect("its NULs are gone");
        // SAFETY: the header has the callback be called on any thread; its user_data lives as long as it is set.
        let arguments = [user_data.get().expose_provenance(), level as usize, line.as_ptr().expose_provenance()];
        unsafe { callback::call(function as *const c_void, arguments) };
    })
}
