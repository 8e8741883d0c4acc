//! The library

use std::ffi::{CStr, c_char};

use super::{guard, text};

/// Frees a text that the library returned. Not for what is `const char *`.
///
/// - `text`: NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_free(text: *mut c_char) {
    // SAFETY: the header has `text` come from this library, and be freed once.
    guard::plain((), || unsafe { text::take_back(text) });
}

/// Tells the version of the library that the program runs with; `ETCD_VERSION` is that of the header it
/// was compiled with.
///
/// Returns a text like "0.1.0", which lives as long as the library and is not freed.
#[unsafe(no_mangle)]
pub extern "C" fn etcd_library_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("Cargo's version has no NUL in it"),
    };
    VERSION.as_ptr()
}
