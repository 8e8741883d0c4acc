//! Texts and bytes on their way to C, and back to be freed.
//!
//! They lie in malloc's memory, large ones aside: who frees it need not say how long it is, which bytes with a NUL among
//! them do not tell.

use std::ffi::{c_char, c_void};
use std::ptr::{NonNull, null_mut};

use super::large;
use crate::base::error::Error;
use crate::base::memory;

/// Hands a text to the caller, who frees it with `etcd_free`.
pub fn give(text: String) -> *mut c_char {
    // Nothing that is given away holds a NUL: JSON has none outside strings, and inside it is `\u0000`.
    if has_nul(&text) {
        return give(Error::internal("a text with a NUL in it").to_json());
    }
    match large::give(text) {
        Ok(given) => given.as_ptr().cast(),
        Err(text) => copy(&text),
    }
}

/// Hands a copy of a text without a NUL to the caller, likewise.
pub fn copy(text: &str) -> *mut c_char {
    match give_bytes(text.as_bytes()) {
        Some(given) => given.as_ptr().cast(),
        None if text.len() < memory::LARGE => std::alloc::handle_alloc_error(std::alloc::Layout::for_value(text)),
        None => give(memory::lacking(text.len()).to_json()),
    }
}

/// By the C library, for it looks at many bytes at a time.
fn has_nul(text: &str) -> bool {
    // SAFETY: `text` is so long.
    !unsafe { libc::memchr(text.as_ptr().cast(), 0, text.len()) }.is_null()
}

/// Hands bytes, and a NUL behind them, to the caller, who frees them with `etcd_free`; `None` if there is no memory for them.
pub fn give_bytes(bytes: &[u8]) -> Option<NonNull<c_void>> {
    // SAFETY: malloc may be asked for any size.
    let given = NonNull::new(unsafe { libc::malloc(bytes.len() + 1) })?;
    let place: NonNull<u8> = given.cast();
    // SAFETY: `given` is new, and one byte larger than `bytes`.
    unsafe {
        place.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        place.add(bytes.len()).write(0);
    }
    Some(given)
}

/// Hands on a text that may be missing.
pub fn give_or_null(text: Option<String>) -> *mut c_char {
    text.map_or(null_mut(), give)
}

/// Takes back what was given, and frees it; NULL is fine.
pub unsafe fn take_back(given: *mut c_char) {
    let Some(place) = NonNull::new(given.cast()) else { return };
    // SAFETY: the caller of `etcd_free` promises that it came from this library, and gives it back once.
    if !unsafe { large::take_back(place) } {
        // SAFETY: the same; and all other that is given is malloc's.
        unsafe { libc::free(given.cast()) };
    }
}
