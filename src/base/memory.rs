//! Memory for what may be large, asked for in a way that can fail.
//!
//! Rust's collections end the process where there is no memory for them. So whoever is about to copy something large asks
//! here first; for what is small nobody does, and the header says so.

use crate::base::error::{Error, Result};

/// From this size on, in bytes, lack of memory is an error.
pub const LARGE: usize = 64 << 10;

/// Whether there is memory for so many copies of something of that size. It is given back at once, so another thread may
/// take it: then the process ends, as it does where something small finds none. That cannot be closed here. What takes the
/// memory then are serde_json's, prost's and h2's buffers and Rust's own strings, and none of them can be refused it.
pub fn check(copies: usize, size: usize) -> Result<()> {
    if size < LARGE {
        return Ok(());
    }
    let bytes = size.saturating_mul(copies);
    match Vec::<u8>::new().try_reserve_exact(bytes) {
        Ok(()) => Ok(()),
        Err(_) => Err(lacking(bytes)),
    }
}

/// The error where there is no memory for so many bytes.
#[cold]
pub fn lacking(bytes: usize) -> Error {
    Error::system_limit(format!("no memory for {bytes} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri itself ends where memory is lacking")]
    fn what_no_machine_has_is_lacking() {
        assert!(check(1000, LARGE - 1).is_ok() && check(2, LARGE).is_ok());
        let error = check(2, usize::MAX / 4).unwrap_err();
        assert!(error.code == 1011 && error.cause.starts_with("no memory for "), "{error}");
    }
}
