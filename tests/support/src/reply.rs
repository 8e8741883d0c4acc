//! A text that the library returned.

use std::ffi::{CStr, c_char};
use std::fmt;

use etcd::ffi::json::*;
use etcd::ffi::library::etcd_free;

use crate::api::c;

/// A text that the library gave, freed when dropped.
pub struct Reply(*mut c_char);

// SAFETY: a text is plain memory that nobody else has.
unsafe impl Send for Reply {}
// SAFETY: it is only read.
unsafe impl Sync for Reply {}

impl Reply {
    /// # Safety
    /// `text` comes from the library and has not been freed.
    #[track_caller]
    pub unsafe fn take(text: *mut c_char) -> Reply {
        assert!(!text.is_null(), "the library returned NULL where a text is due");
        Reply(text)
    }

    pub fn raw(&self) -> &str {
        // SAFETY: a C string, which lives as long as `self`.
        unsafe { CStr::from_ptr(self.0) }.to_str().expect("the library returns UTF-8 only")
    }

    /// The text as C has it, for the readers.
    pub fn as_ptr(&self) -> *const c_char {
        self.0
    }

    /// 0 for a result, else the error's code.
    pub fn code(&self) -> i32 {
        unsafe { etcd_error_code(self.0) }
    }

    pub fn text(&self, pointer: &str) -> Option<String> {
        let found = unsafe { etcd_json_text(self.0, c(pointer).as_ptr()) };
        (!found.is_null()).then(|| unsafe { Reply::take(found) }.raw().to_owned())
    }

    /// The whole number there, or -1.
    pub fn int(&self, pointer: &str) -> i64 {
        unsafe { etcd_json_int(self.0, c(pointer).as_ptr(), -1) }
    }

    pub fn len(&self, pointer: &str) -> i64 {
        unsafe { etcd_json_length(self.0, c(pointer).as_ptr()) }
    }

    /// The text as the tests' own JSON parser sees it; not for what is nested deeper than 128.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(self.raw()).unwrap_or_else(|error| panic!("no JSON ({error}): {self}"))
    }

    /// Itself, if it is a result.
    #[track_caller]
    pub fn ok(self) -> Reply {
        assert_eq!(self.code(), 0, "{self}");
        self
    }

    /// Itself, if it is an error with that code.
    #[track_caller]
    pub fn fails(self, code: i32) -> Reply {
        assert_eq!(self.code(), code, "{self}");
        self
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        unsafe { etcd_free(self.0) };
    }
}

/// The text, cut where it would flood a test's output.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.raw();
        let shown: String = text.chars().take(2000).collect();
        write!(f, "{shown}")?;
        if shown.len() < text.len() { write!(f, "… ({} bytes)", text.len()) } else { Ok(()) }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
