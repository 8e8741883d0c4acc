//! One event, copied out of the callback or out of what was fetched.

use std::ffi::{CStr, c_char};
use std::fmt;

use serde_json::Value;

#[derive(Clone)]
pub struct Event {
    pub text: String,
    pub json: Value,
}

impl Event {
    /// # Safety
    /// `event` is a C string.
    pub unsafe fn read(event: *const c_char) -> Event {
        // SAFETY: as above.
        Event::from(&unsafe { CStr::from_ptr(event) }.to_string_lossy())
    }

    pub fn from(text: &str) -> Event {
        // What is no JSON shows as null, and in what is printed.
        Event { text: text.to_owned(), json: serde_json::from_str(text).unwrap_or_default() }
    }

    pub fn action(&self) -> &str {
        self.json["action"].as_str().unwrap_or_default()
    }

    pub fn key(&self) -> &str {
        self.json["node"]["key"].as_str().unwrap_or_default()
    }

    #[track_caller]
    pub fn value(&self) -> String {
        self.json["node"]["value"].as_str().unwrap_or_else(|| panic!("no value: {self}")).to_owned()
    }

    #[track_caller]
    pub fn index(&self) -> u64 {
        self.json["node"]["modifiedIndex"].as_u64().unwrap_or_else(|| panic!("no index: {self}"))
    }

    pub fn is_resync(&self) -> bool {
        self.action() == "resync"
    }

    /// The changes that a resync does not know of: those strictly between the two.
    #[track_caller]
    pub fn missed(&self) -> (u64, u64) {
        let bound = |name| self.json["missed"][name].as_u64().unwrap_or_else(|| panic!("no resync: {self}"));
        (bound("after"), bound("before"))
    }

    pub fn code(&self) -> i32 {
        self.json["errorCode"].as_i64().unwrap_or_default() as i32
    }

    /// Action and key, in short.
    pub fn summary(&self) -> String {
        format!("{} {}", self.action(), self.key())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text.chars().take(500).collect::<String>())
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
