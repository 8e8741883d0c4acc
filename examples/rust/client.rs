//! A safe client over the functions that the crate `etcd` has for C. It is linked with the program, so there is no
//! shared library to install.
//!
//! A [`Client`] may be used by any number of threads at once, and gives its handle back when it is dropped. A ttl is
//! rounded up to whole seconds; `None` is for ever.
#![allow(dead_code)] // a program uses a part of it

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char};
use std::fmt;
use std::iter::FusedIterator;
use std::ops::BitOr;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr::{null, null_mut};
use std::time::Duration;

use etcd::ffi::cluster::*;
pub use etcd::ffi::codes;
use etcd::ffi::config::*;
use etcd::ffi::connect::*;
use etcd::ffi::json::etcd_error_code;
use etcd::ffi::keys::*;
use etcd::ffi::library::etcd_free;
use etcd::ffi::watch::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What etcd or the library has to say against a call; `codes` has the names of the codes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Error {
    #[serde(rename = "errorCode")]
    pub code: i32,
    pub message: String,
    #[serde(default)]
    pub cause: String,
    /// Where in its history the server found it.
    #[serde(default)]
    pub index: u64,
    /// Of HTTP; `None` if no answer came.
    pub status: Option<u16>,
}

pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    fn new(code: i32, message: &str, cause: String) -> Error {
        Error { code, message: message.to_owned(), cause, index: 0, status: None }
    }

    fn invalid(cause: String) -> Error {
        Error::new(codes::ETCD_ERROR_INVALID_ARGUMENT, "Invalid argument; nothing was sent", cause)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.cause {
            "" => write!(f, "{} ({})", self.message, self.code),
            cause => write!(f, "{} - {cause} ({})", self.message, self.code),
        }
    }
}

impl std::error::Error for Error {}

/// etcd's answer to a call on keys, or one change that a watch has seen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// As in "set"; "resync" if a watch has missed changes.
    pub action: String,
    /// The state now. `None` with [`Flags::NO_VALUE_ON_SUCCESS`], and where a resync finds nothing.
    pub node: Option<Node>,
    /// The state before, if there was one.
    pub prev_node: Option<Node>,
    pub missed: Option<Missed>,
    pub header: Option<Header>,
}

impl Reply {
    /// The value that is there now.
    pub fn value(&self) -> Option<&str> {
        self.node.as_ref()?.value.as_deref()
    }
}

/// A key with its value, or a directory with what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Node {
    pub key: String,
    pub value: Option<String>,
    pub dir: bool,
    pub nodes: Vec<Node>,
    /// Seconds left to live.
    pub ttl: Option<i64>,
    pub expiration: Option<String>,
    pub created_index: u64,
    pub modified_index: u64,
}

/// Which changes a resync does not know: those strictly between the two.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Missed {
    pub after: u64,
    pub before: u64,
}

/// Where in the cluster's history a reply stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    pub cluster_id: String,
    pub etcd_index: u64,
    pub raft_index: u64,
    pub raft_term: u64,
}

/// A server of the cluster; one that has not started yet has no name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Member {
    pub id: String,
    pub name: String,
    #[serde(rename = "peerURLs")]
    pub peer_urls: Vec<String>,
    #[serde(rename = "clientURLs")]
    pub client_urls: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Version {
    #[serde(rename = "etcdserver")]
    pub server: String,
    #[serde(rename = "etcdcluster")]
    pub cluster: String,
}

/// What a call does besides; one that it does not know is an error. `Flags::RECURSIVE | Flags::SORTED` is both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(u32);

impl Flags {
    pub const NONE: Flags = Flags(0);
    /// The whole tree: to get, to delete directories, and to watch.
    pub const RECURSIVE: Flags = Flags(ETCD_RECURSIVE);
    /// Children by key: to get.
    pub const SORTED: Flags = Flags(ETCD_SORTED);
    /// What a majority agrees on: to get.
    pub const QUORUM: Flags = Flags(ETCD_QUORUM);
    /// A new key below the one given, named in order: to set.
    pub const ORDERED: Flags = Flags(ETCD_ORDERED);
    /// A reply without the node: to set.
    pub const NO_VALUE_ON_SUCCESS: Flags = Flags(ETCD_NO_VALUE_ON_SUCCESS);
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// What a key must be for a compare-and-swap or compare-and-delete. The API cannot compare with the value "".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition<'a> {
    Value(&'a str),
    /// The `modified_index`.
    Index(u64),
    Both(&'a str, u64),
}

impl Condition<'_> {
    fn parts(self) -> Result<(Option<CString>, u64)> {
        match self {
            Condition::Value(value) => Ok((Some(c_string("prev_value", value)?), 0)),
            Condition::Index(index) => Ok((None, index)),
            Condition::Both(value, index) => Ok((Some(c_string("prev_value", value)?), index)),
        }
    }
}

/// A client to be: names and values, as the section "Configuration" of `etcd.h` lists them.
#[derive(Clone, Default)]
pub struct Builder(Vec<(String, String)>);

impl Builder {
    pub fn set(mut self, name: &str, value: &str) -> Builder {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn connect(&self) -> Result<Client> {
        let settings = self.0.iter().map(|(name, value)| Ok((c_string("name", name)?, c_string(name, value)?)));
        let settings = settings.collect::<Result<Vec<_>>>()?;
        let mut error = null_mut();
        // SAFETY: the strings and the place for the error outlive the calls.
        unsafe {
            let config = etcd_config_new();
            for (name, value) in &settings {
                etcd_config_set(config, name.as_ptr(), value.as_ptr());
            }
            let client = etcd_connect_config(config, &mut error);
            etcd_config_free(config);
            made(client, error).map(Client)
        }
    }
}

/// A client of a cluster.
#[derive(Debug)]
pub struct Client(*mut etcd_client);

// SAFETY: the library lets any number of threads use one client at once.
unsafe impl Send for Client {}
// SAFETY: the same.
unsafe impl Sync for Client {}

impl Client {
    /// For one server, without TLS and credentials; "" is 127.0.0.1, and port 0 is 2379. That it cannot be reached
    /// is told by the first call.
    pub fn connect(host: &str, port: u16) -> Result<Client> {
        let host = c_string("host", host)?;
        let mut error = null_mut();
        // SAFETY: the string and the place for the error outlive the call.
        unsafe { made(etcd_connect(host.as_ptr(), port, null(), &mut error), error).map(Client) }
    }

    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Ends calls that other threads have under way, and the watches. Every later call is an error.
    pub fn disconnect(&self) {
        // SAFETY: a handle may be given back twice: it is looked up, and never used anew.
        unsafe { etcd_disconnect(self.0) };
    }

    /// Reads a key, or lists a directory.
    pub fn get(&self, key: &str) -> Result<Reply> {
        self.get_with(key, Flags::NONE)
    }

    pub fn get_with(&self, key: &str, flags: Flags) -> Result<Reply> {
        let key = c_string("key", key)?;
        // SAFETY: the string outlives the call, and its text is nobody else's.
        unsafe { decode(etcd_get(self.0, key.as_ptr(), flags.0)) }
    }

    /// Writes a key, whether or not it exists.
    pub fn set(&self, key: &str, value: &str, ttl: Option<Duration>) -> Result<Reply> {
        self.set_with(key, value, ttl, Flags::NONE)
    }

    pub fn set_with(&self, key: &str, value: &str, ttl: Option<Duration>, flags: Flags) -> Result<Reply> {
        let (key, value, ttl) = (c_string("key", key)?, c_string("value", value)?, seconds(ttl)?);
        // SAFETY: the strings outlive the call, and its text is nobody else's.
        unsafe { decode(etcd_set(self.0, key.as_ptr(), value.as_ptr(), ttl, flags.0)) }
    }

    /// Writes a key only if it does not exist yet.
    pub fn create(&self, key: &str, value: &str, ttl: Option<Duration>) -> Result<Reply> {
        let (key, value, ttl) = (c_string("key", key)?, c_string("value", value)?, seconds(ttl)?);
        // SAFETY: the strings outlive the call, and its text is nobody else's.
        unsafe { decode(etcd_create(self.0, key.as_ptr(), value.as_ptr(), ttl)) }
    }

    /// Writes a key only if it exists.
    pub fn update(&self, key: &str, value: &str, ttl: Option<Duration>) -> Result<Reply> {
        let (key, value, ttl) = (c_string("key", key)?, c_string("value", value)?, seconds(ttl)?);
        // SAFETY: the strings outlive the call, and its text is nobody else's.
        unsafe { decode(etcd_update(self.0, key.as_ptr(), value.as_ptr(), ttl)) }
    }

    /// Gives a key a new time to live, of which watches are not told.
    pub fn refresh(&self, key: &str, ttl: Duration) -> Result<Reply> {
        let (key, ttl) = (c_string("key", key)?, seconds(Some(ttl))?);
        // SAFETY: the string outlives the call, and its text is nobody else's.
        unsafe { decode(etcd_refresh(self.0, key.as_ptr(), ttl)) }
    }

    /// Makes a directory, in place of a key with a value if there is one.
    pub fn set_dir(&self, key: &str, ttl: Option<Duration>) -> Result<Reply> {
        let (key, ttl) = (c_string("key", key)?, seconds(ttl)?);
        // SAFETY: the string outlives the call, and its text is nobody else's.
        unsafe { decode(etcd_setdir(self.0, key.as_ptr(), ttl)) }
    }

    /// Makes a directory only if nothing is there yet.
    pub fn create_dir(&self, key: &str, ttl: Option<Duration>) -> Result<Reply> {
        let (key, ttl) = (c_string("key", key)?, seconds(ttl)?);
        // SAFETY: the string outlives the call, and its text is nobody else's.
        unsafe { decode(etcd_createdir(self.0, key.as_ptr(), ttl)) }
    }

    /// Gives an existing directory a new time to live.
    pub fn update_dir(&self, key: &str, ttl: Option<Duration>) -> Result<Reply> {
        let (key, ttl) = (c_string("key", key)?, seconds(ttl)?);
        // SAFETY: the string outlives the call, and its text is nobody else's.
        unsafe { decode(etcd_updatedir(self.0, key.as_ptr(), ttl)) }
    }

    pub fn delete(&self, key: &str) -> Result<Reply> {
        let key = c_string("key", key)?;
        // SAFETY: the string outlives the call, and its text is nobody else's.
        unsafe { decode(etcd_delete(self.0, key.as_ptr())) }
    }

    /// Deletes an empty directory; with [`Flags::RECURSIVE`], one with all that is in it.
    pub fn delete_dir(&self, key: &str, flags: Flags) -> Result<Reply> {
        let key = c_string("key", key)?;
        // SAFETY: the string outlives the call, and its text is nobody else's.
        unsafe { decode(etcd_deletedir(self.0, key.as_ptr(), flags.0)) }
    }

    /// Tells whether there is such a key or directory.
    pub fn exists(&self, key: &str) -> Result<bool> {
        let key = c_string("key", key)?;
        let mut error = null_mut();
        // SAFETY: the string and the place for the error outlive the call, and what is put there is nobody else's.
        unsafe {
            match etcd_exists(self.0, key.as_ptr(), &mut error) {
                -1 => Err(Text(error).error()),
                exists => Ok(exists == 1),
            }
        }
    }

    /// Writes a key only if it is as expected.
    pub fn compare_and_swap(
        &self,
        key: &str,
        value: &str,
        expected: Condition,
        ttl: Option<Duration>,
    ) -> Result<Reply> {
        let (key, value, ttl) = (c_string("key", key)?, c_string("value", value)?, seconds(ttl)?);
        let (prev_value, prev_index) = expected.parts()?;
        let (key, value, prev_value) = (key.as_ptr(), value.as_ptr(), pointer(&prev_value));
        // SAFETY: the strings outlive the call, and its text is nobody else's.
        unsafe { decode(etcd_cas(self.0, key, value, prev_value, prev_index, ttl)) }
    }

    /// Deletes a key only if it is as expected.
    pub fn compare_and_delete(&self, key: &str, expected: Condition) -> Result<Reply> {
        let (key, (prev_value, prev_index)) = (c_string("key", key)?, expected.parts()?);
        // SAFETY: the strings outlive the call, and its text is nobody else's.
        unsafe { decode(etcd_cad(self.0, key.as_ptr(), pointer(&prev_value), prev_index)) }
    }

    /// Watches for one change: the first with the index `wait_index` or a later one, or the next if that is 0.
    pub fn watch(&self, key: &str, flags: Flags, wait_index: u64) -> Result<Watch> {
        let key = c_string("key", key)?;
        let mut error = null_mut();
        // SAFETY: the string and the place for the error outlive the call, which is given no callback.
        unsafe {
            let handle = etcd_watch(self.0, key.as_ptr(), flags.0, wait_index, None, null_mut(), None, &mut error);
            made(handle, error).map(|handle| Watch(Stopper(handle)))
        }
    }

    /// Watches for every change, likewise, until it is stopped or an error that cannot mend. None that is made after
    /// this has returned is missed.
    pub fn watch_loop(&self, key: &str, flags: Flags, wait_index: u64) -> Result<Watch> {
        let key = c_string("key", key)?;
        let mut error = null_mut();
        // SAFETY: the string and the place for the error outlive the call.
        unsafe {
            let handle = etcd_watch_open(self.0, key.as_ptr(), flags.0, wait_index, &mut error);
            made(handle, error).map(|handle| Watch(Stopper(handle)))
        }
    }

    /// The client URLs of all members.
    pub fn machines(&self) -> Result<Vec<String>> {
        // SAFETY: the call's text is nobody else's.
        unsafe { decode(etcd_machines(self.0)) }
    }

    /// The members by their id.
    pub fn members(&self) -> Result<BTreeMap<String, Member>> {
        // SAFETY: the call's text is nobody else's.
        unsafe { decode(etcd_members(self.0)) }
    }

    /// Takes the members' client URLs for endpoints, too, and lists all endpoints.
    pub fn sync(&self) -> Result<Vec<String>> {
        // SAFETY: the call's text is nobody else's.
        unsafe { decode(etcd_sync(self.0)) }
    }

    pub fn leader(&self) -> Result<Member> {
        // SAFETY: the call's text is nobody else's.
        unsafe { decode(etcd_leader(self.0)) }
    }

    /// Statistics of a kind: "store", "self" or "leader".
    pub fn stats(&self, kind: &str) -> Result<Value> {
        let kind = c_string("kind", kind)?;
        // SAFETY: the string outlives the call, and its text is nobody else's.
        unsafe { decode(etcd_stats(self.0, kind.as_ptr())) }
    }

    pub fn server_version(&self) -> Result<Version> {
        // SAFETY: the call's text is nobody else's.
        unsafe { decode(etcd_server_version(self.0)) }
    }

    /// Whether the server has a leader and can write.
    pub fn health(&self) -> Result<bool> {
        // SAFETY: the call's text is nobody else's.
        let state: Value = unsafe { decode(etcd_health(self.0)) }?;
        Ok(state["health"] == "true")
    }

    /// Sends any other request; `path` with its query is percent-encoded.
    pub fn request(&self, method: &str, path: &str, body: Option<&str>, content_type: Option<&str>) -> Result<Value> {
        let (method, path) = (c_string("method", method)?, c_string("path", path)?);
        let body = body.map(|text| c_string("body", text)).transpose()?;
        let content_type = content_type.map(|text| c_string("content_type", text)).transpose()?;
        let (body, content_type) = (pointer(&body), pointer(&content_type));
        // SAFETY: the strings outlive the call, and its text is nobody else's.
        unsafe { decode(etcd_request(self.0, method.as_ptr(), path.as_ptr(), body, content_type)) }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.disconnect();
    }
}

/// A watch: an iterator that waits for each change, and comes to its end when it is stopped or its client is
/// disconnected. An error that cannot mend is its last item. It ends when it is dropped.
#[derive(Debug)]
pub struct Watch(Stopper);

impl Watch {
    pub fn stopper(&self) -> Stopper {
        self.0
    }

    /// The next change, if it comes in time. `None` is the end, too: [`Watch::has_ended`] tells which.
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<Result<Reply>> {
        self.fetch(i64::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i64::MAX))
    }

    /// Whether all changes have been fetched, and no more will come.
    pub fn has_ended(&self) -> bool {
        // SAFETY: the watch's own handle.
        unsafe { etcd_watch_ended(self.0.0) == 1 }
    }

    fn fetch(&mut self, timeout_ms: i64) -> Option<Result<Reply>> {
        // SAFETY: a watch that has ended may be asked; the text is nobody else's.
        unsafe {
            let event = etcd_watch_next(self.0.0, timeout_ms);
            if event.is_null() { None } else { Some(decode(event)) }
        }
    }
}

impl Iterator for Watch {
    type Item = Result<Reply>;

    fn next(&mut self) -> Option<Result<Reply>> {
        self.fetch(-1)
    }
}

impl FusedIterator for Watch {}

/// For poll, mio or tokio: readable while a change, or the end, is there for [`Watch::next_timeout`]. Not to be read from
/// or closed; -1 if the process has no descriptor left.
impl AsRawFd for Watch {
    fn as_raw_fd(&self) -> RawFd {
        // SAFETY: the watch's own handle.
        unsafe { etcd_watch_fd(self.0.0) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // SAFETY: the watch's own handle; stoppers that are left find that it is gone.
        unsafe { etcd_watch_free(self.0.0) };
    }
}

/// Stops a watch, from any thread; one that is gone already has stopped.
#[derive(Debug, Clone, Copy)]
pub struct Stopper(*mut etcd_watcher);

// SAFETY: any thread may use the handle, which is looked up, and never used anew for another watch.
unsafe impl Send for Stopper {}
// SAFETY: the same.
unsafe impl Sync for Stopper {}

impl Stopper {
    /// Returns at once. What is under way may still be delivered.
    pub fn stop(self) {
        // SAFETY: a handle that was freed is found out.
        unsafe { etcd_watch_stop(self.0) };
    }
}

/// A text for C, which would cut it at a NUL without a word.
fn c_string(name: &str, text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::invalid(format!("{name}: must not contain NUL")))
}

fn pointer(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(null(), |text| text.as_ptr())
}

/// Rounded up: rounded down, the shortest time to live would become for ever.
fn seconds(ttl: Option<Duration>) -> Result<i64> {
    let Some(ttl) = ttl else { return Ok(0) };
    if ttl.is_zero() {
        return Err(Error::invalid("ttl: must not be zero; None is for ever".to_owned()));
    }
    Ok(i64::try_from(ttl.as_secs().saturating_add(u64::from(ttl.subsec_nanos() > 0))).unwrap_or(i64::MAX))
}

/// A handle, or the error that came in its place.
///
/// # Safety
/// If `handle` is null, `error` comes from the library, and nobody else frees it.
unsafe fn made<T>(handle: *mut T, error: *mut c_char) -> Result<*mut T> {
    if handle.is_null() { Err(Text(error).error()) } else { Ok(handle) }
}

/// Reads a text, and frees it.
///
/// # Safety
/// `text` comes from the library, and nobody else frees it.
unsafe fn decode<T: DeserializeOwned>(text: *mut c_char) -> Result<T> {
    let text = Text(text);
    if text.is_error() { Err(text.error()) } else { text.parse() }
}

/// A text of the library's, freed when it is dropped.
struct Text(*mut c_char);

impl Text {
    fn is_error(&self) -> bool {
        // SAFETY: a text that is not freed yet.
        unsafe { etcd_error_code(self.0) != 0 }
    }

    fn error(&self) -> Error {
        self.parse().unwrap_or_else(|error| error)
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        // SAFETY: a text that is not freed yet.
        let json = unsafe { CStr::from_ptr(self.0) }.to_bytes();
        serde_json::from_slice(json).map_err(|error| {
            Error::new(codes::ETCD_ERROR_BAD_RESPONSE, "The reply is not as expected", error.to_string())
        })
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // SAFETY: the library's own, and not freed yet.
        unsafe { etcd_free(self.0) };
    }
}
