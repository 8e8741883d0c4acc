//! Arguments of the caller: checked, and named in the error when they are invalid.

use std::ffi::{CStr, c_char, c_void};
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::memory;
use crate::net::Deadline;

/// A string that must not be NULL, on its way to a server. It is borrowed for the call.
pub unsafe fn text<'a>(argument: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: as this function's.
    unsafe { optional_text(argument, name)? }.ok_or_else(|| must_not_be_null(name))
}

/// A string that may be NULL, likewise.
pub unsafe fn optional_text<'a>(argument: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if argument.is_null() {
        return Ok(None);
    }
    // SAFETY: as this function's.
    let text = unsafe { text_to_read(argument, name) }?;
    memory::check(COPIES, text.len())?;
    Ok(Some(text))
}

/// A string that is only read here.
pub unsafe fn text_to_read<'a>(argument: *const c_char, name: &str) -> Result<&'a str> {
    if argument.is_null() {
        return Err(must_not_be_null(name));
    }
    // SAFETY: the header has every string end in NUL and stay as it is during the call.
    let bytes = unsafe { CStr::from_ptr(argument) }.to_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => Err(Error::invalid(format!("{name}: not UTF-8 at byte {}", error.valid_up_to()))),
    }
}

/// How many bytes a string has, or `most` if it has more; no more than those are read.
pub unsafe fn length_within(argument: *const c_char, most: usize) -> usize {
    // Miri does not know strnlen(3).
    #[cfg(miri)]
    // SAFETY: the header has every string end in NUL, and behind that nothing is read.
    return (0..most).find(|at| unsafe { argument.add(*at).read() } == 0).unwrap_or(most);
    #[cfg(not(miri))]
    // SAFETY: the header has every string end in NUL and stay as it is during the call.
    unsafe {
        libc::strnlen(argument, most)
    }
}

/// Bytes on their way to a server. They are borrowed for the call.
pub unsafe fn bytes<'a>(argument: *const c_void, length: usize, name: &str) -> Result<&'a [u8]> {
    if length == 0 {
        return Ok(&[]);
    }
    if argument.is_null() {
        return Err(Error::invalid(format!("{name}: must not be NULL where its length is {length}")));
    }
    if isize::try_from(length).is_err() {
        return Err(Error::invalid(format!("{name}_length: {length} is more than there can be")));
    }
    memory::check(COPIES, length)?;
    // SAFETY: the header has so many bytes be there and stay as they are during the call.
    Ok(unsafe { std::slice::from_raw_parts(argument.cast(), length) })
}

fn must_not_be_null(name: &str) -> Error {
    Error::invalid(format!("{name}: must not be NULL"))
}

/// How much more than itself a string takes at most until it is sent: copied twice, encoded in three bytes for one, that
/// copied, and both put behind a request's head in a buffer that grows by doubling.
const COPIES: usize = 12;

/// Flags of which the call knows only `known`.
pub fn flags(given: u32, known: u32) -> Result<u32> {
    match given & !known {
        0 => Ok(given),
        unknown => Err(Error::invalid(format!("flags: {unknown:#x} has no meaning for this call"))),
    }
}

/// When a wait of so many milliseconds ends; below 0: never.
pub fn until(timeout_ms: i64) -> Option<Deadline> {
    u64::try_from(timeout_ms).ok().map(|ms| Deadline::after(Duration::from_millis(ms)))
}

/// Writes to an out-parameter, unless the caller wants none.
pub unsafe fn put_out<T>(out: *mut T, value: T) {
    if !out.is_null() {
        // SAFETY: the header has an out-parameter point to a place of its type, or be NULL.
        unsafe { out.write(value) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_argument_is_named() {
        // SAFETY: C strings, or NULL.
        unsafe {
            assert_eq!(text(c"é".as_ptr(), "key").unwrap(), "é");
            assert_eq!(text(std::ptr::null(), "key").unwrap_err().cause, "key: must not be NULL");
            assert_eq!(text(c"abc\xff".as_ptr(), "value").unwrap_err().cause, "value: not UTF-8 at byte 3");
            assert_eq!(optional_text(std::ptr::null(), "value").unwrap(), None);
            assert_eq!(bytes(std::ptr::null(), 0, "value").unwrap(), b"");
            assert_eq!(bytes(b"a\0b".as_ptr().cast(), 3, "value").unwrap(), b"a\0b");
            let cause = bytes(std::ptr::null(), 3, "key").unwrap_err().cause;
            assert_eq!(cause, "key: must not be NULL where its length is 3");
            let cause = bytes(std::ptr::dangling(), usize::MAX, "key").unwrap_err().cause;
            assert!(cause.starts_with("key_length: "), "{cause}");
        }
        assert_eq!(flags(5, 7).unwrap(), 5);
        assert_eq!(flags(9, 7).unwrap_err().cause, "flags: 0x8 has no meaning for this call");
    }
}
