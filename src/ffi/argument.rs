//! Arguments on their way in: checked, and named in the error when they are wrong.

use std::ffi::{CStr, c_char};

use crate::error::{Error, Result};

/// A string that must be there. It is borrowed for the call.
pub unsafe fn text<'a>(argument: *const c_char, name: &str) -> Result<&'a str> {
    // SAFETY: as this function's.
    unsafe { optional_text(argument, name)? }.ok_or_else(|| Error::invalid(format!("{name}: must not be NULL")))
}

/// A string that may be NULL. It is borrowed for the call.
pub unsafe fn optional_text<'a>(argument: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if argument.is_null() {
        return Ok(None);
    }
    // SAFETY: the header has every string end in NUL and stay as it is during the call.
    let bytes = unsafe { CStr::from_ptr(argument) }.to_bytes();
    match str::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) => Err(Error::invalid(format!("{name}: not UTF-8 at byte {}", error.valid_up_to()))),
    }
}

/// Flags of which the call knows only `known`.
pub fn flags(given: u32, known: u32) -> Result<u32> {
    match given & !known {
        0 => Ok(given),
        unknown => Err(Error::invalid(format!("flags: {unknown:#x} has no meaning for this call"))),
    }
}

/// An index of etcd's. One that no store will ever reach is a negative number, from a language that has no unsigned ones.
pub fn index(given: u64, name: &str) -> Result<u64> {
    match i64::try_from(given) {
        Ok(_) => Ok(given),
        Err(_) => Err(Error::invalid(format!("{name}: must be at most {}, not {given}", i64::MAX))),
    }
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
        }
        assert_eq!(index(i64::MAX as u64, "wait_index").unwrap(), i64::MAX as u64);
        assert!(index(-1_i64 as u64, "prev_index").unwrap_err().cause.starts_with("prev_index: must be at most"));
        assert_eq!(flags(5, 7).unwrap(), 5);
        assert_eq!(flags(9, 7).unwrap_err().cause, "flags: 0x8 has no meaning for this call");
    }
}
