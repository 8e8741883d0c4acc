//! The border that no panic crosses, and at which no thread is cancelled; and the ways back over it.

use std::ffi::c_char;

use super::cancellation::Disabled;
use super::{argument, startup, text};
use crate::base::error::Result;
use crate::base::panic;

/// The body of a function that returns a text: its result, or the error as JSON.
pub fn reply(body: impl FnOnce() -> Result<String>) -> *mut c_char {
    text::give(catch(body).unwrap_or_else(|error| error.to_json()))
}

/// The body of a function that returns something else and puts an error into `error`, which is always written, and may be
/// NULL. `otherwise` is what it returns then.
pub unsafe fn value<T>(error: *mut *mut c_char, otherwise: T, body: impl FnOnce() -> Result<T>) -> T {
    let (value, text) = match catch(body) {
        Ok(value) => (value, std::ptr::null_mut()),
        Err(found) => (otherwise, if error.is_null() { std::ptr::null_mut() } else { text::give(found.to_json()) }),
    };
    // SAFETY: as this function's.
    unsafe { argument::put_out(error, text) };
    value
}

/// The body of a function that cannot fail but for a bug.
pub fn plain<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch(|| Ok(body())).unwrap_or(otherwise)
}

/// The same for one that reads and writes nothing but its arguments: such are called most often, and no thread is cancelled
/// in them.
pub fn pure<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    panic::catch(|| Ok(body())).unwrap_or(otherwise)
}

fn catch<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    startup::ensure();
    let _uncancelled = Disabled::new();
    panic::catch(body)
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;
    use std::ptr::{null, null_mut};

    use super::*;
    use crate::base::error::Error;

    fn read(given: *mut c_char) -> String {
        // SAFETY: given by this library just now.
        let copy = unsafe { CStr::from_ptr(given) }.to_str().unwrap().to_owned();
        // SAFETY: the same.
        unsafe { text::take_back(given) };
        copy
    }

    #[test]
    fn a_panic_comes_back_as_error_1099() {
        let said = read(reply(|| panic!("index {} is out of range", 7)));
        assert!(said.contains("\"errorCode\":1099") && said.contains("index 7 is out of range"), "{said}");
        let mut error = null_mut();
        // SAFETY: `error` is a place for one pointer.
        let handle = unsafe { value(&mut error, null::<u8>(), || panic!("oh")) };
        assert!(handle.is_null() && read(error).contains("\"errorCode\":1099"));
        assert_eq!(plain(-1, || panic!("oh")), -1);
    }

    #[test]
    fn the_error_is_written_in_any_case_and_may_be_null() {
        let mut error = std::ptr::dangling_mut();
        // SAFETY: `error` is a place for one pointer, or NULL.
        unsafe {
            assert_eq!(value(&mut error, 0, || Ok(1)), 1);
            assert!(error.is_null());
            assert_eq!(value(null_mut(), 0, || Err(Error::invalid("x"))), 0);
        }
    }
}
