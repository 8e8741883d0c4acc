//! Clients: the C functions with texts copied in, and each reply freed.

use std::ffi::{CString, c_char};
use std::ptr::{null, null_mut};

use crate::api::*;
use crate::config::Config;
use crate::etcd::{ELECTION, Etcd};
use crate::fake::FakeServer;
use crate::wait::wait_until;
use crate::watch::Watch;

/// A client, disconnected when dropped.
pub struct Client(*mut etcd_client);

// SAFETY: the header lets any number of threads use one client at once.
unsafe impl Send for Client {}
// SAFETY: the same.
unsafe impl Sync for Client {}

impl Client {
    /// Of the v2 API.
    #[track_caller]
    pub fn connect(host: &str, port: u16) -> Client {
        Client::connect_as("v2", host, port)
    }

    #[track_caller]
    pub fn connect_as(version: &str, host: &str, port: u16) -> Client {
        let mut error = null_mut();
        let handle = unsafe { etcd_connect(c(host).as_ptr(), port, c(version).as_ptr(), &mut error) };
        assert!(!handle.is_null(), "cannot connect to {host:?}: {}", unsafe { Reply::take(error) });
        assert!(error.is_null(), "a handle and an error: {}", unsafe { Reply::take(error) });
        Client(handle)
    }

    /// Of names and values.
    #[track_caller]
    pub fn new(pairs: &[(&str, &str)]) -> Client {
        Client::try_new(pairs).unwrap_or_else(|error| panic!("{pairs:?}: {error}"))
    }

    /// Of these endpoints, in that order, and further names and values.
    #[track_caller]
    pub fn of(urls: &[impl AsRef<str>], pairs: &[(&str, &str)]) -> Client {
        let urls = Vec::from_iter(urls.iter().map(AsRef::as_ref)).join(",");
        Client::new(&[&[("endpoints", urls.as_str())], pairs].concat())
    }

    /// The client, or why there is none. It speaks v2, unless `pairs` says otherwise.
    #[track_caller]
    pub fn try_new(pairs: &[(&str, &str)]) -> Result<Client, Reply> {
        let config = Config::new();
        config.set("api", "v2");
        for (name, value) in pairs {
            config.set(name, value);
        }
        config.connect()
    }

    /// One derived from it.
    #[track_caller]
    pub fn with(&self, pairs: &[(&str, &str)]) -> Client {
        self.try_with(pairs).unwrap_or_else(|error| panic!("{pairs:?}: {error}"))
    }

    #[track_caller]
    pub fn try_with(&self, pairs: &[(&str, &str)]) -> Result<Client, Reply> {
        let changes = Config::new();
        for (name, value) in pairs {
            changes.set(name, value);
        }
        changes.derive(self)
    }

    /// Of these endpoints, with watches that ask anew at least every `poll_ms` and pause for 100 ms at most.
    #[track_caller]
    pub fn polling(poll_ms: u32, urls: &[impl AsRef<str>]) -> Client {
        Client::polling_as("v2", poll_ms, urls)
    }

    #[track_caller]
    pub fn polling_as(version: &str, poll_ms: u32, urls: &[impl AsRef<str>]) -> Client {
        let poll_ms = poll_ms.to_string();
        let more = [("watch.poll_ms", &*poll_ms), ("retry.max_delay_ms", "100"), ("timeout.request_ms", "10000")];
        Client::of(urls, &[&[("api", version)], &more[..]].concat())
    }

    pub(crate) fn owning(handle: *mut etcd_client) -> Client {
        Client(handle)
    }

    /// The handle, for calls that this wrapper would not make.
    pub fn raw(&self) -> *mut etcd_client {
        self.0
    }

    pub fn api(&self) -> Reply {
        unsafe { Reply::take(etcd_api(self.0)) }
    }

    pub fn get(&self, key: &str, flags: u32) -> Reply {
        unsafe { Reply::take(etcd_get(self.0, c(key).as_ptr(), flags)) }
    }

    /// Reads by a quorum, once there is one: without it the answer is one of these errors.
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

    pub fn set(&self, key: &str, value: &str) -> Reply {
        self.set_with(key, value, 0, 0)
    }

    pub fn set_with(&self, key: &str, value: &str, ttl: i64, flags: u32) -> Reply {
        unsafe { Reply::take(etcd_set(self.0, c(key).as_ptr(), c(value).as_ptr(), ttl, flags)) }
    }

    /// Sets it however often a leader is lost meanwhile; more than once, perhaps.
    pub fn set_at_last(&self, key: &str, value: &str) {
        wait_until(ELECTION, "a write is carried out", || self.set(key, value).code() == 0);
    }

    pub fn create(&self, key: &str, value: &str) -> Reply {
        self.create_with(key, value, 0)
    }

    pub fn create_with(&self, key: &str, value: &str, ttl: i64) -> Reply {
        unsafe { Reply::take(etcd_create(self.0, c(key).as_ptr(), c(value).as_ptr(), ttl)) }
    }

    pub fn update(&self, key: &str, value: &str) -> Reply {
        self.update_with(key, value, 0)
    }

    pub fn update_with(&self, key: &str, value: &str, ttl: i64) -> Reply {
        unsafe { Reply::take(etcd_update(self.0, c(key).as_ptr(), c(value).as_ptr(), ttl)) }
    }

    pub fn refresh(&self, key: &str, ttl: i64) -> Reply {
        unsafe { Reply::take(etcd_refresh(self.0, c(key).as_ptr(), ttl)) }
    }

    pub fn setdir(&self, key: &str) -> Reply {
        self.setdir_with(key, 0)
    }

    pub fn setdir_with(&self, key: &str, ttl: i64) -> Reply {
        unsafe { Reply::take(etcd_setdir(self.0, c(key).as_ptr(), ttl)) }
    }

    pub fn createdir(&self, key: &str) -> Reply {
        self.createdir_with(key, 0)
    }

    pub fn createdir_with(&self, key: &str, ttl: i64) -> Reply {
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

    pub fn cas(&self, key: &str, value: &str, prev_value: &str) -> Reply {
        self.cas_with(key, value, Some(prev_value), 0, 0)
    }

    pub fn cas_with(&self, key: &str, value: &str, prev_value: Option<&str>, prev_index: u64, ttl: i64) -> Reply {
        let prev_value = prev_value.map(c);
        unsafe {
            Reply::take(etcd_cas(self.0, c(key).as_ptr(), c(value).as_ptr(), pointer(&prev_value), prev_index, ttl))
        }
    }

    pub fn cad(&self, key: &str, prev_value: Option<&str>, prev_index: u64) -> Reply {
        let prev_value = prev_value.map(c);
        unsafe { Reply::take(etcd_cad(self.0, c(key).as_ptr(), pointer(&prev_value), prev_index)) }
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

    pub fn sync(&self) -> Reply {
        unsafe { Reply::take(etcd_sync(self.0)) }
    }

    pub fn watch(&self, key: &str) -> Watch {
        Watch::of(self.0, key)
    }

    /// With a form as etcd wants forms, or with nothing.
    pub fn request(&self, method: &str, path: &str, form: Option<&str>) -> Reply {
        self.request_with(method, path, form, form.map(|_| "application/x-www-form-urlencoded"))
    }

    pub fn request_with(&self, method: &str, path: &str, body: Option<&str>, content_type: Option<&str>) -> Reply {
        let (body, content_type) = (body.map(c), content_type.map(c));
        let (body, content_type) = (pointer(&body), pointer(&content_type));
        unsafe { Reply::take(etcd_request(self.0, c(method).as_ptr(), c(path).as_ptr(), body, content_type)) }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        unsafe { etcd_disconnect(self.0) };
    }
}

/// As C has it: NULL if there is none.
fn pointer(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(null(), |text| text.as_ptr())
}

/// What clients can be made of.
pub trait Endpoint {
    fn endpoint(&self) -> String;

    /// A client of this endpoint, with further names and values.
    #[track_caller]
    fn client(&self, pairs: &[(&str, &str)]) -> Client {
        Client::of(&[self.endpoint()], pairs)
    }
}

impl Endpoint for Etcd {
    fn endpoint(&self) -> String {
        self.url()
    }
}

impl Endpoint for FakeServer {
    fn endpoint(&self) -> String {
        self.url()
    }
}
