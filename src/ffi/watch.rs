//! Watching
//!
//! A watch delivers each change of what it watches once and in order. It loses none, whatever happens to connections and
//! servers meanwhile: over v2 it asks in long polls, each from where the last answer ended, over v3 it reads a stream; after
//! a failure it goes on from there. Over v2 etcd keeps the last 1,000 changes of the whole store, over v3 all since the last
//! compaction. Where that history no longer reaches back far enough, or the cluster was rebuilt, the watch delivers one
//! event that says what is there now and which changes are unknown:
//! `{"action":"resync","node":{...},"missed":{"after":A,"before":B},"header":{...}}`. `node` is null if nothing is
//! there. The indexes strictly between A and B are the ones missed. (In a rebuilt cluster the indexes begin anew, and B may
//! be below A: then it is not known what was missed. A rebuilt cluster that has the former one's id and has overtaken its
//! index before it is asked again cannot be told from it.)
//!
//! Any other event has the shape `{"action":"set","node":{...},"prevNode":{...},"header":{...}}`. Over v2 its `action` is
//! set, create, update, compareAndSwap, delete, compareAndDelete or expire. When a directory is deleted or expires with all
//! that is in it, a watch of something in it gets one event, whose `/node/key` is the directory: a watch of `/d/a/b` may get
//! `/d`. A refresh is no change. Over v3 the `action` is set, create, delete or expire (see the setting `v3.tell_expire`). A
//! directory that is deleted gives one event for each key, all of one index; and a refresh with another ttl is a set.
//!
//! To resume later, begin with the change's own `/node/modifiedIndex` plus 1, or after a resync with B; an event's `header`
//! describes the store when it was asked, which may be before the change. (Over v3 several changes may have one index: it
//! is safe to resume only after the last of them.)
//!
//! A watch of a key that cannot exist yet, because a part of its path holds a value, waits until it can and does.
//!
//! An error ends a watch, as its last event, where waiting cannot help: 1008, an error of etcd's own, 1005 or 1010 once
//! every endpoint has answered so, a change larger than `max_response_bytes`. Endpoints that cannot be reached, TLS that
//! fails (1007), time that runs out and answers that cannot be read are tried again without end, with growing pauses; the
//! log says so.
//!
//! Events are pulled with `etcd_watch_next` from a watch of `etcd_watch_open`, or pushed to a callback. A watch with a
//! callback, an `until` or a `release`, and any watch over v2, has a thread of the library, named `etcd-watch`, with a stack
//! of 2 MiB and all signals blocked. Callbacks run on it: those of one watch never overlap, those of several do. They may
//! call any function of the library, but two must not free each other's watch. Other watches have no thread: those of a
//! client share one, `etcd-grpc`, which reads their stream, and at most four that ask servers when a watch begins at an
//! index and while something is wrong, `etcd-watches`. They go on whether or not somebody fetches. A watch that is stopped,
//! or whose client is disconnected, ends without a last event. A forked child has none of its parent's watches.

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr::null_mut;

use super::connect::etcd_client;
use super::handles::{CLIENTS, WATCHERS};
use super::keys::ETCD_RECURSIVE;
use super::{argument, callback, guard, text};
use crate::base::error::Result;
use crate::base::process;
use crate::client::Client;
use crate::operation::{self, Key, Subject, Target, Watch};
use crate::watch;

/// A watch; see `etcd_watch` and `etcd_watchloop`.
#[allow(non_camel_case_types)]
pub struct etcd_watcher {
    _opaque: [u8; 0],
}

/// Takes one event. `event` is borrowed until the callback returns.
///
/// Since: 0.1.0
#[allow(non_camel_case_types)]
pub type etcd_watch_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const c_char)>;

/// Says whether an event was the last: anything but 0 ends the watch. It is called after each event has been delivered.
/// `event` is borrowed until the callback returns.
///
/// Since: 0.1.0
#[allow(non_camel_case_types)]
pub type etcd_predicate_fn = Option<unsafe extern "C" fn(user_data: *mut c_void, event: *const c_char) -> c_int>;

/// Takes `user_data` back. It is called once, after the last callback has returned, also when the watch could not be made.
///
/// Since: 0.1.0
#[allow(non_camel_case_types)]
pub type etcd_release_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// Watches for one change, then ends. A resync counts as one.
///
/// - `client`, `key`: must not be NULL. The key need not exist.
/// - `flags`: 0 for the key itself (of a directory not what is in it), `ETCD_RECURSIVE` for all below it, too.
/// - `wait_index`: the first change of interest, which may be in the past: the `modifiedIndex` last seen, plus 1. 0: from
///   now on. Then a server is asked what "now" is, so that no change after this call has returned is missed, and the call
///   waits for the answer, at most `timeout.request_ms`; if no server can say, the watch begins with a resync as soon as
///   one can. With any other index the call returns at once.
/// - `callback`: takes the event; it may be called before this call has returned. NULL: the event is fetched with
///   `etcd_watch_next`.
/// - `user_data`: passed to the callbacks; may be NULL.
/// - `release`: takes `user_data` back; may be NULL.
/// - `error`: where to put an error's text, or NULL. NULL is put there on success.
///
/// Returns the watcher, which the caller owns and frees with `etcd_watch_free`; NULL on failure. A server that cannot be
/// reached is no failure: the watch begins when it can.
///
/// Errors: 1001, 1009, 1011 (no thread), 1099. An error that comes later and ends the watch is its last event, the error's
/// text; `etcd_error_code` recognises it.
///
/// etcd: `GET /v2/keys/{key}?wait=true&waitIndex={index}`
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch(
    client: *const etcd_client,
    key: *const c_char,
    flags: u32,
    wait_index: u64,
    callback: etcd_watch_fn,
    user_data: *mut c_void,
    release: etcd_release_fn,
    error: *mut *mut c_char,
) -> *mut etcd_watcher {
    let receiver = Callbacks { callback, until: None, release, user_data };
    // SAFETY: the header's conventions on strings, on callbacks and on `error`.
    unsafe { guard::value(error, null_mut(), || watch(client, key, flags, wait_index, receiver, true)) }
}

/// Watches for every change until it is stopped, `until` ends it, or an error ends it; that error's text is the last event.
///
/// - `client`, `key`, `flags`, `wait_index`, `callback`, `user_data`, `release`, `error`: as for `etcd_watch`.
/// - `until`: says which event is the last; may be NULL. Without a `callback` it is called when the event is ready to be
///   fetched.
///
/// Returns the watcher, which the caller owns and frees with `etcd_watch_free`; NULL on failure.
///
/// Errors: as for `etcd_watch`.
///
/// etcd: `GET /v2/keys/{key}?wait=true&waitIndex={index}`, again and again
///
/// ```c
/// static void print(void *user_data, const char *event) { puts(event); }
/// etcd_watcher *watcher = etcd_watchloop(client, "/app", ETCD_RECURSIVE, 0, print, NULL, NULL, NULL, NULL);
/// ```
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watchloop(
    client: *const etcd_client,
    key: *const c_char,
    flags: u32,
    wait_index: u64,
    callback: etcd_watch_fn,
    until: etcd_predicate_fn,
    user_data: *mut c_void,
    release: etcd_release_fn,
    error: *mut *mut c_char,
) -> *mut etcd_watcher {
    let receiver = Callbacks { callback, until, release, user_data };
    // SAFETY: the header's conventions on strings, on callbacks and on `error`.
    unsafe { guard::value(error, null_mut(), || watch(client, key, flags, wait_index, receiver, false)) }
}

/// Watches for every change, to be fetched with `etcd_watch_next`; the same as `etcd_watchloop` without callbacks.
///
/// - `client`, `key`, `flags`, `wait_index`, `error`: as for `etcd_watch`.
///
/// Returns the watcher, which the caller owns and frees with `etcd_watch_free`; NULL on failure.
///
/// Errors: as for `etcd_watch`.
///
/// etcd: `GET /v2/keys/{key}?wait=true&waitIndex={index}`, again and again
///
/// A directory and then all its changes, with nothing lost in between (error 100: nothing is there yet):
///
/// ```c
/// char *now = etcd_get(client, "/app", ETCD_RECURSIVE | ETCD_QUORUM);
/// uint64_t index = (uint64_t)etcd_json_int(now, "/header/etcdIndex", 0);
/// if (etcd_error_code(now) == 0 || etcd_error_code(now) == ETCD_ERROR_KEY_NOT_FOUND) {
///     etcd_watcher *watcher = etcd_watch_open(client, "/app", ETCD_RECURSIVE, index + 1, &error);
///     for (char *event; (event = etcd_watch_next(watcher, -1)); etcd_free(event))
///         puts(event);
/// }
/// ```
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_open(
    client: *const etcd_client,
    key: *const c_char,
    flags: u32,
    wait_index: u64,
    error: *mut *mut c_char,
) -> *mut etcd_watcher {
    // SAFETY: as this function's.
    unsafe { etcd_watchloop(client, key, flags, wait_index, None, None, null_mut(), None, error) }
}

/// Fetches the next event of a watch that was made without a callback. A signal does not end the waiting; a program that
/// wants that waits with `poll` for `etcd_watch_fd`.
///
/// - `watcher`: NULL, or a watch with a callback, has no events to fetch.
/// - `timeout_ms`: how many milliseconds to wait for an event; 0: not at all; below 0: without end.
///
/// Returns the event; NULL if there was none in time, or if the watch has ended and all its events have been
/// fetched: `etcd_watch_ended` says which. The caller owns the text and frees it with `etcd_free`.
///
/// Since: 0.1.0
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_next(watcher: *mut etcd_watcher, timeout_ms: i64) -> *mut c_char {
    guard::plain(null_mut(), || {
        let event = WATCHERS.get(watcher, "watcher").ok().and_then(|watcher| watcher.next(argument::until(timeout_ms)));
        text::give_or_null(event)
    })
}

/// Says whether a watch has no more events to fetch, now or later.
///
/// - `watcher`: NULL, or a watch that was freed, has ended.
///
/// Returns 1 once the watch has ended and all its events have been fetched, so that `etcd_watch_next` returns nothing but
/// NULL; 0 before that.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_ended(watcher: *const etcd_watcher) -> c_int {
    guard::plain(1, || WATCHERS.get(watcher, "watcher").map_or(1, |watcher| c_int::from(watcher.is_over())))
}

/// Makes a watch usable with `poll`, `epoll`, asyncio or libuv.
///
/// - `watcher`: a watch that was made without a callback.
///
/// Returns a descriptor that is readable while an event, or the end, waits for `etcd_watch_next`. It may be waited for
/// level- or edge-triggered: each event and the end are an edge. It does not block, is closed on exec, and may be
/// duplicated. It belongs to the watcher: it must not be read from or closed, and is valid until `etcd_watch_free`; so stop
/// the watch first, and free it when no thread waits for the descriptor any more. -1 for any other watcher, or if the
/// process has no descriptor left; a later call tries again.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_fd(watcher: *const etcd_watcher) -> c_int {
    guard::plain(-1, || WATCHERS.get(watcher, "watcher").ok().and_then(|watcher| watcher.descriptor()).unwrap_or(-1))
}

/// Waits for a watch to end: until its last callback and `release` have returned, also while another thread is freeing
/// it. A watch whose queue is full does not end by itself before there is room for its last event.
///
/// - `watcher`: NULL, or a watch that was freed, has ended.
/// - `timeout_ms`: how many milliseconds to wait; 0: not at all; below 0: without end.
///
/// Returns 1 if it has ended, 0 if not yet. Inside its own callback it has not ended, and this returns at once.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_wait(watcher: *const etcd_watcher, timeout_ms: i64) -> c_int {
    guard::plain(1, || {
        WATCHERS.get(watcher, "watcher").map_or(1, |watcher| c_int::from(watcher.wait(argument::until(timeout_ms))))
    })
}

/// Asks a watch to end, and returns at once. No callback begins any more. The watch ends within milliseconds, or as soon as
/// a callback that is running returns. Events that were not fetched yet still can be.
///
/// - `watcher`: NULL, or a watch that was freed, has ended.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_stop(watcher: *mut etcd_watcher) {
    guard::plain((), || {
        if let Ok(watcher) = WATCHERS.get(watcher, "watcher") {
            watcher.stop();
        }
    });
}

/// Ends a watch and frees it. Waits until its last callback and `release` have returned, also when another thread is
/// freeing it already. Called inside a callback of that watch it only marks it and returns; the rest happens after the
/// callback.
///
/// - `watcher`: NULL is fine. In a forked child only the handle is freed: the watch is the parent's.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_watch_free(watcher: *mut etcd_watcher) {
    guard::plain((), || {
        let Ok(found) = WATCHERS.get(watcher, "watcher") else { return };
        let handle = watcher.addr();
        let remove = move || WATCHERS.remove(std::ptr::without_provenance::<etcd_watcher>(handle));
        if found.is_of_this_process() {
            // The handle is found until the end, so that other threads can wait for that.
            found.finish(move || drop(remove()));
        } else {
            process::leave((found, remove()));
        }
    });
}

unsafe fn watch(
    client: *const etcd_client,
    key: *const c_char,
    flags: u32,
    wait_index: u64,
    receiver: Callbacks,
    once: bool,
) -> Result<*mut etcd_watcher> {
    let client = CLIENTS.get(client, "client")?;
    // SAFETY: as this function's.
    let key = Key::parse(unsafe { argument::text(key, "key") }?)?;
    let from = operation::index(wait_index, "wait_index")?;
    let target = Target { key, recursive: argument::flags(flags, ETCD_RECURSIVE)? & ETCD_RECURSIVE != 0 };
    begin(&client, Watch::of(Subject::Path(target), from, once), receiver)
}

/// Starts a watch that is not started yet, and gives it a handle.
pub fn begin(client: &Client, watch: Watch, receiver: Callbacks) -> Result<*mut etcd_watcher> {
    Ok(WATCHERS.insert(client.watch(watch, Box::new(receiver))?))
}

/// The caller's callbacks. Dropping it gives `user_data` back.
pub struct Callbacks {
    pub callback: etcd_watch_fn,
    pub until: etcd_predicate_fn,
    pub release: etcd_release_fn,
    pub user_data: *mut c_void,
}

impl Callbacks {
    /// Events are fetched.
    pub fn none() -> Callbacks {
        Callbacks { callback: None, until: None, release: None, user_data: null_mut() }
    }
}

// SAFETY: the header has the callbacks, with their user_data, run on a thread of the library.
unsafe impl Send for Callbacks {}

impl watch::Receiver for Callbacks {
    fn is_pushed(&self) -> bool {
        self.callback.is_some()
    }

    fn is_called(&self) -> bool {
        self.callback.is_some() || self.until.is_some() || self.release.is_some()
    }

    fn take(&mut self, event: &str) -> bool {
        if self.callback.is_none() && self.until.is_none() {
            return true;
        }
        let event = CString::new(event).expect("an event is JSON, which holds no NUL");
        let arguments = [self.user_data.expose_provenance(), event.as_ptr().expose_provenance(), 0];
        if let Some(callback) = self.callback {
            // SAFETY: the caller's function, with the user_data that it was registered with.
            let returned = unsafe { callback::call(callback as *const c_void, arguments) };
            if returned.is_none() {
                return false;
            }
        }
        // SAFETY: the same.
        self.until.is_none_or(|until| unsafe { callback::call(until as *const c_void, arguments) } == Some(0))
    }
}

impl Drop for Callbacks {
    fn drop(&mut self) {
        if let Some(release) = self.release {
            // SAFETY: the caller's function, with the user_data that it was registered with; once.
            unsafe { callback::call(release as *const c_void, [self.user_data.expose_provenance(), 0, 0]) };
        }
    }
}
