//! Clients made from names and values, by way of `etcd_connect_config`.
#![allow(dead_code)] // each test file uses a part of it

use std::ptr::{null, null_mut};
use std::time::Duration;

use etcd::ffi::config::*;

use crate::support::api::*;
use crate::support::etcd::wait_until;

/// Elections take a second or two, etcd holds on for 7 s to what it cannot do, and a busy machine may need more.
pub const ELECTION: Duration = Duration::from_secs(60);

/// A client, disconnected when dropped.
pub struct Configured(*mut etcd_client);

// SAFETY: the header lets any number of threads use one client at once.
unsafe impl Send for Configured {}
// SAFETY: the same.
unsafe impl Sync for Configured {}

impl Configured {
    #[track_caller]
    pub fn new(pairs: &[(&str, &str)]) -> Configured {
        Configured::try_new(pairs).unwrap_or_else(|error| panic!("{pairs:?}: {error}"))
    }

    /// Of these endpoints, in that order, and with more that is to be set.
    #[track_caller]
    pub fn of(urls: &[impl AsRef<str>], pairs: &[(&str, &str)]) -> Configured {
        let urls = Vec::from_iter(urls.iter().map(AsRef::as_ref)).join(",");
        Configured::new(&[&[("endpoints", urls.as_str())], pairs].concat())
    }

    /// The client, or why there is none.
    #[track_caller]
    pub fn try_new(pairs: &[(&str, &str)]) -> Result<Configured, Reply> {
        let config = Config::new();
        pairs.iter().for_each(|(name, value)| config.set(name, value));
        config.connect()
    }

    pub fn raw(&self) -> *mut etcd_client {
        self.0
    }

    pub fn get(&self, key: &str, flags: u32) -> Reply {
        unsafe { Reply::take(etcd_get(self.0, c(key).as_ptr(), flags)) }
    }

    /// The same by a quorum, once there is one: without it the answer is one of these errors.
    pub fn get_at_last(&self, key: &str, flags: u32) -> Reply {
        let mut reply = None;
        wait_until(ELECTION, "a quorum answers", || {
            let answer = self.get(key, flags | ETCD_QUORUM);
            let is_without =
                matches!(answer.code(), ETCD_ERROR_RAFT_INTERNAL | ETCD_ERROR_TIMEOUT | ETCD_ERROR_UNAVAILABLE);
            reply = Some(answer);
            !is_without
        });
        reply.expect("it was waited for")
    }

    /// Sets it however often a leader is lost meanwhile; more than once, perhaps.
    pub fn set_at_last(&self, key: &str, value: &str) {
        wait_until(ELECTION, "a write is carried out", || self.set(key, value).code() == 0);
    }

    pub fn exists(&self, key: &str) -> i32 {
        unsafe { etcd_exists(self.0, c(key).as_ptr(), null_mut()) }
    }

    pub fn set(&self, key: &str, value: &str) -> Reply {
        self.set_with(key, value, 0)
    }

    pub fn set_with(&self, key: &str, value: &str, flags: u32) -> Reply {
        unsafe { Reply::take(etcd_set(self.0, c(key).as_ptr(), c(value).as_ptr(), 0, flags)) }
    }

    pub fn create(&self, key: &str, value: &str) -> Reply {
        unsafe { Reply::take(etcd_create(self.0, c(key).as_ptr(), c(value).as_ptr(), 0)) }
    }

    pub fn update(&self, key: &str, value: &str) -> Reply {
        unsafe { Reply::take(etcd_update(self.0, c(key).as_ptr(), c(value).as_ptr(), 0)) }
    }

    pub fn cas(&self, key: &str, value: &str, prev_value: &str) -> Reply {
        let (key, value, prev_value) = (c(key), c(value), c(prev_value));
        unsafe { Reply::take(etcd_cas(self.0, key.as_ptr(), value.as_ptr(), prev_value.as_ptr(), 0, 0)) }
    }

    pub fn cad(&self, key: &str, prev_index: u64) -> Reply {
        unsafe { Reply::take(etcd_cad(self.0, c(key).as_ptr(), null(), prev_index)) }
    }

    pub fn setdir(&self, key: &str) -> Reply {
        unsafe { Reply::take(etcd_setdir(self.0, c(key).as_ptr(), 0)) }
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

    pub fn machines(&self) -> Reply {
        unsafe { Reply::take(etcd_machines(self.0)) }
    }

    pub fn members(&self) -> Reply {
        unsafe { Reply::take(etcd_members(self.0)) }
    }

    pub fn server_version(&self) -> Reply {
        unsafe { Reply::take(etcd_server_version(self.0)) }
    }

    pub fn sync(&self) -> Reply {
        unsafe { Reply::take(etcd_sync(self.0)) }
    }

    /// A form is sent as etcd wants forms.
    pub fn request(&self, method: &str, path: &str, form: Option<&str>) -> Reply {
        let (method, path, form) = (c(method), c(path), form.map(c));
        let kind = form.as_ref().map_or(null(), |_| c"application/x-www-form-urlencoded".as_ptr());
        let form = form.as_ref().map_or(null(), |form| form.as_ptr());
        unsafe { Reply::take(etcd_request(self.0, method.as_ptr(), path.as_ptr(), form, kind)) }
    }
}

impl Drop for Configured {
    fn drop(&mut self) {
        unsafe { etcd_disconnect(self.0) };
    }
}

/// A configuration, freed when dropped.
pub struct Config(*mut etcd_config);

impl Config {
    pub fn new() -> Config {
        let config = unsafe { etcd_config_new() };
        assert!(!config.is_null());
        Config(config)
    }

    pub fn raw(&self) -> *mut etcd_config {
        self.0
    }

    pub fn set(&self, name: &str, value: &str) {
        unsafe { etcd_config_set(self.0, c(name).as_ptr(), c(value).as_ptr()) };
    }

    /// The client, or why there is none.
    #[track_caller]
    pub fn connect(&self) -> Result<Configured, Reply> {
        let mut error = null_mut();
        let client = unsafe { etcd_connect_config(self.0, &mut error) };
        assert_eq!(client.is_null(), !error.is_null(), "a handle or an error");
        if client.is_null() { Err(unsafe { Reply::take(error) }) } else { Ok(Configured(client)) }
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        unsafe { etcd_config_free(self.0) };
    }
}
