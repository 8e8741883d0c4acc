//! A resolver that can be made to hang: this program's own `getaddrinfo`, before the C library's.
//!
//! Names ending in `.hangs` are answered only when nobody asks for them any more; all others as ever.

use std::ffi::{CStr, c_char, c_int};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

type Resolve =
    unsafe extern "C" fn(*const c_char, *const c_char, *const libc::addrinfo, *mut *mut libc::addrinfo) -> c_int;

static ASKED: AtomicUsize = AtomicUsize::new(0);
static RELEASED: Mutex<bool> = Mutex::new(false);
static CHANGED: Condvar = Condvar::new();

/// How often a name that hangs has been asked for.
pub fn asked() -> usize {
    ASKED.load(Ordering::SeqCst)
}

/// Lets all of them fail.
pub fn release() {
    *RELEASED.lock().expect("nobody panics with it") = true;
    CHANGED.notify_all();
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    found: *mut *mut libc::addrinfo,
) -> c_int {
    // SAFETY: the C library's contract: NULL or a C string.
    if !node.is_null() && unsafe { CStr::from_ptr(node) }.to_bytes().ends_with(b".hangs") {
        ASKED.fetch_add(1, Ordering::SeqCst);
        let released = RELEASED.lock().expect("nobody panics with it");
        drop(CHANGED.wait_while(released, |released| !*released));
        return libc::EAI_NONAME;
    }
    // SAFETY: the next one is the C library's, whose type this is.
    unsafe {
        let next = libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr());
        assert!(!next.is_null(), "the C library has one");
        std::mem::transmute::<*mut libc::c_void, Resolve>(next)(node, service, hints, found)
    }
}
