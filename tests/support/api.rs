//! The C functions as the tests call them: texts copied in, replies read through the library's own
//! readers and freed.

use std::ffi::{CStr, CString, c_char};
use std::fmt;
use std::ptr::{null, null_mut};

pub use etcd::ffi::cluster::*;
pub use etcd::ffi::codes::*;
use etcd::ffi::config::{etcd_config_free, etcd_config_new, etcd_config_set, etcd_connect_config};
pub use etcd::ffi::connect::*;
pub use etcd::ffi::json::*;
pub use etcd::ffi::keys::*;
pub use etcd::ffi::library::*;
pub use etcd::ffi::log::*;

/// A client, disconnected when dropped.
pub struct Client(*mut etcd_client);

// SAFETY: the header lets any number of threads use one client at once.
unsafe impl Send for Client {}
// SAFETY: the same.
unsafe impl Sync for Client {}

impl Client {
    #[track_caller]
    pub fn connect(host: &str, port: u16) -> Client {
        let mut error = null_mut();
        let handle = unsafe { etcd_connect(c(host).as_ptr(), port, null(), &mut error) };
        assert!(!handle.is_null(), "cannot connect to {host:?}: {}", unsafe { Reply::take(error) });
        assert!(error.is_null(), "a handle and an error: {}", unsafe { Reply::take(error) });
        Client(handle)
    }

    /// Made from names and values.
    #[track_caller]
    pub fn of(pairs: &[(&str, &str)]) -> Client {
        let mut error = null_mut();
        let handle = unsafe {
            let config = etcd_config_new();
            for (name, value) in pairs {
                etcd_config_set(config, c(name).as_ptr(), c(value).as_ptr());
            }
            let handle = etcd_connect_config(config, &mut error);
            etcd_config_free(config);
            handle
        };
        assert!(!handle.is_null(), "{pairs:?}: {}", unsafe { Reply::take(error) });
        Client(handle)
    }

    /// The handle, for calls that this wrapper would not make.
    pub fn raw(&self) -> *mut etcd_client {
        self.0
    }

    pub fn get(&self, key: &str, flags: u32) -> Reply {
        unsafe { Reply::take(etcd_get(self.0, c(key).as_ptr(), flags)) }
    }

    pub fn set(&self, key: &str, value: &str, ttl: i64, flags: u32) -> Reply {
        unsafe { Reply::take(etcd_set(self.0, c(key).as_ptr(), c(value).as_ptr(), ttl, flags)) }
    }

    pub fn create(&self, key: &str, value: &str, ttl: i64) -> Reply {
        unsafe { Reply::take(etcd_create(self.0, c(key).as_ptr(), c(value).as_ptr(), ttl)) }
    }

    pub fn update(&self, key: &str, value: &str, ttl: i64) -> Reply {
        unsafe { Reply::take(etcd_update(self.0, c(key).as_ptr(), c(value).as_ptr(), ttl)) }
    }

    pub fn refresh(&self, key: &str, ttl: i64) -> Reply {
        unsafe { Reply::take(etcd_refresh(self.0, c(key).as_ptr(), ttl)) }
    }

    pub fn setdir(&self, key: &str, ttl: i64) -> Reply {
        unsafe { Reply::take(etcd_setdir(self.0, c(key).as_ptr(), ttl)) }
    }

    pub fn createdir(&self, key: &str, ttl: i64) -> Reply {
        unsafe { Reply::take(etcd_createdir(self.0, c(key).as_ptr(), ttl)) }
    }

    pub fn updatedir(&self, key: &str, ttl: i64) -> Reply {
        unsafe { Reply::take(etcd_updatedir(self.0, c(key).as_ptr(), ttl)) }
    }

    pub fn delete(&self, key: &str) -> Reply {
        unsafe { Reply::take(etcd_delete(self.0, c(key).as_ptr())) }
    }

    pub fn deletedir(&self, key: &str, flags: u32) -> Reply {
        unsafe { Reply::take(etcd_deletedir(self.0, c(key).as_ptr(), flags)) }
    }

    #[track_caller]
    pub fn exists(&self, key: &str) -> Result<bool, Reply> {
        let mut error = null_mut();
        match unsafe { etcd_exists(self.0, c(key).as_ptr(), &mut error) } {
            -1 => Err(unsafe { Reply::take(error) }),
            _ if !error.is_null() => panic!("an answer and an error: {}", unsafe { Reply::take(error) }),
            0 => Ok(false),
            1 => Ok(true),
            other => panic!("etcd_exists returned {other}"),
        }
    }

    pub fn cas(&self, key: &str, value: &str, prev_value: Option<&str>, prev_index: u64, ttl: i64) -> Reply {
        let prev_value = prev_value.map(c);
        let prev_value = prev_value.as_ref().map_or(null(), |text| text.as_ptr());
        unsafe { Reply::take(etcd_cas(self.0, c(key).as_ptr(), c(value).as_ptr(), prev_value, prev_index, ttl)) }
    }

    pub fn cad(&self, key: &str, prev_value: Option<&str>, prev_index: u64) -> Reply {
        let prev_value = prev_value.map(c);
        let prev_value = prev_value.as_ref().map_or(null(), |text| text.as_ptr());
        unsafe { Reply::take(etcd_cad(self.0, c(key).as_ptr(), prev_value, prev_index)) }
    }

    pub fn machines(&self) -> Reply {
        unsafe { Reply::take(etcd_machines(self.0)) }
    }

    pub fn members(&self) -> Reply {
        unsafe { Reply::take(etcd_members(self.0)) }
    }

    pub fn leader(&self) -> Reply {
        unsafe { Reply::take(etcd_leader(self.0)) }
    }

    pub fn stats(&self, kind: &str) -> Reply {
        unsafe { Reply::take(etcd_stats(self.0, c(kind).as_ptr())) }
    }

    pub fn server_version(&self) -> Reply {
        unsafe { Reply::take(etcd_server_version(self.0)) }
    }

    pub fn health(&self) -> Reply {
        unsafe { Reply::take(etcd_health(self.0)) }
    }

    pub fn request(&self, method: &str, path: &str, body: Option<&str>, content_type: Option<&str>) -> Reply {
        let (body, content_type) = (body.map(c), content_type.map(c));
        let pointer = |text: &Option<CString>| text.as_ref().map_or(null(), |text| text.as_ptr());
        let (body, content_type) = (pointer(&body), pointer(&content_type));
        unsafe { Reply::take(etcd_request(self.0, c(method).as_ptr(), c(path).as_ptr(), body, content_type)) }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        unsafe { etcd_disconnect(self.0) };
    }
}

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

/// A text for C.
#[track_caller]
pub fn c(text: &str) -> CString {
    CString::new(text).expect("a C string cannot hold a NUL")
}
