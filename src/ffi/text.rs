//! Texts on their way to C, and back to be freed.

use std::ffi::{CString, c_char};

use crate::error::Error;

/// Hands a text to the caller, who frees it with `etcd_free`.
pub fn give(text: String) -> *mut c_char {
    // Nothing that is given away holds a NUL: JSON has none outside strings, and inside it is `\u0000`.
    let text = CString::new(text).unwrap_or_else(|_| {
        CString::new(Error::internal("a text with a NUL in it").to_json()).expect("JSON holds no NUL")
    });
    text.into_raw()
}

/// Takes a text back and frees it; NULL is fine.
pub unsafe fn take_back(text: *mut c_char) {
    if !text.is_null() {
        // SAFETY: the caller of `etcd_free` promises that the text came from this library, unchanged in length.
        drop(unsafe { CString::from_raw(text) });
    }
}
