//! Invalid handles: NULL, freed, made up, of another kind. Every function detects them.

use std::ffi::{c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::Mutex;

use etcd::ffi::admin::*;
use etcd::ffi::config::*;
use etcd::ffi::watch::*;
use support::api::*;
use support::lease::*;
use support::port::Closed;

type Handle = *const etcd_client;
type Call = fn(Handle) -> *mut c_char;

/// Every function that takes a client, by its name in the header.
const CALLS: &[(&str, Call)] = &[
    ("etcd_get", |h| unsafe { etcd_get(h, c"/a".as_ptr(), 0) }),
    ("etcd_set", |h| unsafe { etcd_set(h, c"/a".as_ptr(), c"1".as_ptr(), 0, 0) }),
    ("etcd_api", |h| unsafe { etcd_api(h) }),
    ("etcd_member_promote", |h| unsafe { etcd_member_promote(h, c"1".as_ptr()) }),
    ("etcd_create", |h| unsafe { etcd_create(h, c"/a".as_ptr(), c"1".as_ptr(), 0) }),
    ("etcd_update", |h| unsafe { etcd_update(h, c"/a".as_ptr(), c"1".as_ptr(), 0) }),
    ("etcd_refresh", |h| unsafe { etcd_refresh(h, c"/a".as_ptr(), 9) }),
    ("etcd_setdir", |h| unsafe { etcd_setdir(h, c"/a".as_ptr(), 0) }),
    ("etcd_createdir", |h| unsafe { etcd_createdir(h, c"/a".as_ptr(), 0) }),
    ("etcd_updatedir", |h| unsafe { etcd_updatedir(h, c"/a".as_ptr(), 0) }),
    ("etcd_delete", |h| unsafe { etcd_delete(h, c"/a".as_ptr()) }),
    ("etcd_deletedir", |h| unsafe { etcd_deletedir(h, c"/a".as_ptr(), 0) }),
    ("etcd_exists", |h| {
        let mut error = null_mut();
        assert_eq!(unsafe { etcd_exists(h, c"/a".as_ptr(), null_mut()) }, -1);
        assert_eq!(unsafe { etcd_exists(h, c"/a".as_ptr(), &mut error) }, -1);
        error
    }),
    ("etcd_cas", |h| unsafe { etcd_cas(h, c"/a".as_ptr(), c"1".as_ptr(), c"0".as_ptr(), 0, 0) }),
    ("etcd_compare_and_swap", |h| unsafe {
        etcd_compare_and_swap(h, c"/a".as_ptr(), c"1".as_ptr(), c"0".as_ptr(), 0, 0)
    }),
    ("etcd_test_and_set", |h| unsafe { etcd_test_and_set(h, c"/a".as_ptr(), c"1".as_ptr(), c"0".as_ptr(), 0, 0) }),
    ("etcd_cad", |h| unsafe { etcd_cad(h, c"/a".as_ptr(), c"0".as_ptr(), 0) }),
    ("etcd_compare_and_delete", |h| unsafe { etcd_compare_and_delete(h, c"/a".as_ptr(), c"0".as_ptr(), 0) }),
    ("etcd_machines", |h| unsafe { etcd_machines(h) }),
    ("etcd_members", |h| unsafe { etcd_members(h) }),
    ("etcd_leader", |h| unsafe { etcd_leader(h) }),
    ("etcd_stats", |h| unsafe { etcd_stats(h, c"self".as_ptr()) }),
    ("etcd_server_version", |h| unsafe { etcd_server_version(h) }),
    ("etcd_health", |h| unsafe { etcd_health(h) }),
    ("etcd_request", |h| unsafe { etcd_request(h, c"GET".as_ptr(), c"/version".as_ptr(), null(), null()) }),
    ("etcd_sync", |h| unsafe { etcd_sync(h) }),
    ("etcd_member_add", |h| unsafe { etcd_member_add(h, c"http://127.0.0.1:1".as_ptr()) }),
    ("etcd_member_update", |h| unsafe { etcd_member_update(h, c"1".as_ptr(), c"http://127.0.0.1:1".as_ptr()) }),
    ("etcd_member_remove", |h| unsafe { etcd_member_remove(h, c"1".as_ptr()) }),
    ("etcd_auth_status", |h| unsafe { etcd_auth_status(h) }),
    ("etcd_auth_enable", |h| unsafe { etcd_auth_enable(h) }),
    ("etcd_auth_disable", |h| unsafe { etcd_auth_disable(h) }),
    ("etcd_user_list", |h| unsafe { etcd_user_list(h) }),
    ("etcd_user_get", |h| unsafe { etcd_user_get(h, c"u".as_ptr()) }),
    ("etcd_user_create", |h| unsafe { etcd_user_create(h, c"u".as_ptr(), c"p".as_ptr()) }),
    ("etcd_user_set_password", |h| unsafe { etcd_user_set_password(h, c"u".as_ptr(), c"p".as_ptr()) }),
    ("etcd_user_delete", |h| unsafe { etcd_user_delete(h, c"u".as_ptr()) }),
    ("etcd_user_grant", |h| unsafe { etcd_user_grant(h, c"u".as_ptr(), c"r".as_ptr()) }),
    ("etcd_user_revoke", |h| unsafe { etcd_user_revoke(h, c"u".as_ptr(), c"r".as_ptr()) }),
    ("etcd_role_list", |h| unsafe { etcd_role_list(h) }),
    ("etcd_role_get", |h| unsafe { etcd_role_get(h, c"r".as_ptr()) }),
    ("etcd_role_create", |h| unsafe { etcd_role_create(h, c"r".as_ptr()) }),
    ("etcd_role_delete", |h| unsafe { etcd_role_delete(h, c"r".as_ptr()) }),
    ("etcd_role_grant", |h| unsafe { etcd_role_grant(h, c"r".as_ptr(), c"/a".as_ptr(), ETCD_READ) }),
    ("etcd_role_revoke", |h| unsafe { etcd_role_revoke(h, c"r".as_ptr(), c"/a".as_ptr(), ETCD_READ) }),
    ("etcd_range", |h| unsafe { etcd_range(h, KEY, 1, null(), 0, 0, 0, 0) }),
    ("etcd_put", |h| unsafe { etcd_put(h, KEY, 1, null(), 0, 0, 0) }),
    ("etcd_put_if", |h| unsafe { etcd_put_if(h, KEY, 1, null(), 0, 0, 0, 0) }),
    ("etcd_delete_range", |h| unsafe { etcd_delete_range(h, KEY, 1, null(), 0, 0) }),
    ("etcd_delete_if", |h| unsafe { etcd_delete_if(h, KEY, 1, 1) }),
    ("etcd_txn", |h| unsafe { etcd_txn(h, c"{}".as_ptr()) }),
    ("etcd_call", |h| unsafe { etcd_call(h, c"maintenance/status".as_ptr(), c"{}".as_ptr()) }),
    ("etcd_watch", |h| refusing(|error| unsafe { etcd_watch(h, c"/a".as_ptr(), 0, 0, None, null_mut(), None, error) })),
    ("etcd_mirror_open", |h| refusing(|error| unsafe { etcd_mirror_open(h, c"/a".as_ptr(), error) })),
    ("etcd_watch_open", |h| refusing(|error| unsafe { etcd_watch_open(h, c"/a".as_ptr(), 0, 0, error) })),
    ("etcd_watchloop", |h| {
        refusing(|error| unsafe { etcd_watchloop(h, c"/a".as_ptr(), 0, 0, None, None, null_mut(), None, error) })
    }),
    ("etcd_watch_range", |h| {
        refusing(|error| unsafe { etcd_watch_range(h, KEY, 1, null(), 0, 0, 0, None, null_mut(), None, error) })
    }),
    ("etcd_with", |h| refusing(|error| unsafe { etcd_with(h, null(), error) })),
    ("etcd_lease_open", |h| refusing(|error| unsafe { etcd_lease_open(h, 5, error) })),
    ("etcd_register", |h| refusing(|error| unsafe { etcd_register(h, c"/a".as_ptr(), c"1".as_ptr(), 5, error) })),
    ("etcd_lock_open", |h| refusing(|error| unsafe { etcd_lock_open(h, c"/a".as_ptr(), null(), 5, 0, error) })),
    ("etcd_leader_watch", |h| refusing(|error| unsafe { etcd_leader_watch(h, c"/a".as_ptr(), error) })),
];

/// The error of a call that makes a handle, and does not.
fn refusing<H>(make: impl FnOnce(*mut *mut c_char) -> *mut H) -> *mut c_char {
    let mut error = null_mut();
    assert!(make(&mut error).is_null());
    error
}

const KEY: *const c_void = c"k".as_ptr().cast();

/// Every call with that handle is error 1001 for this cause.
fn refused(handle: Handle, cause: &str) {
    for (name, call) in CALLS {
        let reply = unsafe { Reply::take(call(handle)) }.fails(ETCD_ERROR_INVALID_ARGUMENT);
        assert_eq!(reply.text("/cause").as_deref(), Some(cause), "{name}");
    }
}

const NO_HANDLE: &str = "client: not a handle of this kind, or freed already";

fn connect() -> *mut etcd_client {
    let client = unsafe { etcd_connect(null(), 0, null(), null_mut()) };
    assert!(!client.is_null());
    client
}

#[test]
fn the_list_of_calls_is_the_headers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/include/etcd.h");
    let header = std::fs::read_to_string(path).expect("the header is committed");
    let mut declared: Vec<&str> = header
        .lines()
        .filter_map(|line| line.split_once("(const etcd_client *client")?.0.rsplit([' ', '*']).next())
        .collect();
    let mut called: Vec<&str> = CALLS.iter().map(|(name, _)| *name).collect();
    declared.sort_unstable();
    called.sort_unstable();
    assert_eq!(called, declared);
}

#[test]
fn null_is_no_handle() {
    refused(null(), "client: must not be NULL");
    unsafe { etcd_disconnect(null_mut()) };
    unsafe { etcd_free(null_mut()) };
}

#[test]
fn a_freed_handle_is_found_out_however_often_it_is_freed() {
    let (freed, living) = (connect(), connect());
    for _ in 0..3 {
        unsafe { etcd_disconnect(freed) };
        refused(freed, NO_HANDLE);
    }
    // Its number is never used again, or an old copy of the handle would act on another client.
    let later: Vec<_> = (0..100).map(|_| connect()).collect();
    refused(freed, NO_HANDLE);
    for client in later.into_iter().chain([living]) {
        assert_ne!(client, freed);
        unsafe { etcd_disconnect(client) };
    }
}

#[test]
fn a_made_up_handle_is_found_out() {
    let living = connect();
    let (on_the_stack, on_the_heap) = (0_u64, Box::new(0_u64));
    for number in [
        1,
        8,
        living.addr() ^ (1 << 63),
        living.addr() + (1 << 40),
        living.addr() - 1,
        living.addr() + 1,
        usize::MAX,
        usize::MAX - 7,
        (&raw const on_the_stack).addr(),
        (&raw const *on_the_heap).addr(),
        refused as fn(Handle, &str) as usize,
    ] {
        let made_up = std::ptr::without_provenance_mut(number);
        refused(made_up, NO_HANDLE);
        unsafe { etcd_disconnect(made_up) };
    }
    unsafe { etcd_disconnect(living) };
}

/// Every call with that watcher does nothing, and says so as far as it can.
fn no_watcher(handle: *mut etcd_watcher) {
    assert!(unsafe { etcd_watch_next(handle, -1) }.is_null());
    assert_eq!(unsafe { etcd_watch_ended(handle) }, 1, "what does not exist has ended");
    assert_eq!(unsafe { etcd_watch_fd(handle) }, -1);
    assert_eq!(unsafe { etcd_watch_wait(handle, -1) }, 1, "what does not exist has ended");
    unsafe { etcd_watch_stop(handle) };
    unsafe { etcd_watch_free(handle) };
}

/// Every call with that mirror does nothing, and says so as far as it can.
fn no_mirror(handle: *mut etcd_mirror) {
    for text in unsafe { [etcd_mirror_get(handle, c"/a".as_ptr()), etcd_mirror_list(handle, c"/a".as_ptr())] } {
        unsafe { Reply::take(text) }.fails(ETCD_ERROR_INVALID_ARGUMENT);
    }
    assert!(unsafe { etcd_mirror_next(handle, -1) }.is_null());
    assert_eq!(unsafe { etcd_mirror_wait(handle, 0, -1) }, -1, "what does not exist has ended");
    assert_eq!(unsafe { etcd_mirror_fd(handle) }, -1);
    let refused = refusing(|error| unsafe { etcd_mirror_await(handle, 1, error) });
    unsafe { Reply::take(refused) }.fails(ETCD_ERROR_INVALID_ARGUMENT);
    unsafe { etcd_mirror_free(handle) };
}

/// Every call with that configuration does nothing, and says so as far as it can.
fn no_config(handle: *mut etcd_config) {
    unsafe { etcd_config_set(handle, c"api".as_ptr(), c"v2".as_ptr()) };
    let mut error = null_mut();
    assert!(unsafe { etcd_connect_config(handle, null_mut()) }.is_null());
    assert!(unsafe { etcd_connect_config(handle, &mut error) }.is_null());
    unsafe { Reply::take(error) }.fails(ETCD_ERROR_INVALID_ARGUMENT);
    unsafe { etcd_config_free(handle) };
}

#[test]
fn a_handle_of_another_kind_is_found_out() {
    let text = unsafe { etcd_get(null(), c"/a".as_ptr(), 0) };
    // A port without a server, or a server on this machine might end the watch.
    let closed = Closed::refusing();
    let client = unsafe { etcd_connect(null(), closed.port, null(), null_mut()) };
    let watcher = unsafe { etcd_watch_open(client, c"/a".as_ptr(), 0, 1, null_mut()) };
    let config = unsafe { etcd_config_new() };
    assert!(!watcher.is_null() && !config.is_null());
    refused(text.cast(), NO_HANDLE);
    refused(watcher.cast(), NO_HANDLE);
    refused(config.cast(), NO_HANDLE);
    unsafe { etcd_disconnect(text.cast()) };
    unsafe { etcd_disconnect(watcher.cast()) };
    unsafe { etcd_disconnect(config.cast()) };
    for other in [text.cast(), client.cast(), config.cast(), null_mut()] {
        no_watcher(other);
    }
    for other in [text.cast(), client.cast(), watcher.cast(), null_mut()] {
        no_config(other);
    }
    for other in [text.cast(), client.cast(), watcher.cast(), config.cast(), null_mut()] {
        no_mirror(other);
    }

    assert_eq!(unsafe { Reply::take(text) }.code(), ETCD_ERROR_INVALID_ARGUMENT, "the text is as it was");
    assert_eq!(unsafe { (etcd_watch_wait(watcher, 0), etcd_watch_ended(watcher)) }, (0, 0), "the watch goes on");
    let reply = unsafe { Reply::take(etcd_get(client, null(), 0)) };
    assert_eq!(reply.text("/cause").as_deref(), Some("key: must not be NULL"), "the client lives");
    unsafe { etcd_watch_free(watcher) };
    no_watcher(watcher);
    let configured = unsafe { etcd_connect_config(config, null_mut()) };
    assert!(!configured.is_null(), "the configuration is as it was");
    unsafe { etcd_config_free(config) };
    no_config(config);
    unsafe { etcd_disconnect(configured) };
    unsafe { etcd_disconnect(client) };
}

#[test]
fn a_wrong_handle_is_the_error_before_any_other() {
    // Several mistakes at once are one error: that of the handle.
    let reply = unsafe { Reply::take(etcd_set(null(), null(), null(), i64::MAX, u32::MAX)) };
    assert_eq!(reply.fails(1001).text("/cause").as_deref(), Some("client: must not be NULL"));
}

#[test]
fn making_and_freeing_from_many_threads_mixes_nothing_up() {
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let client = connect();
                    all.lock().expect("no thread has failed").push(client.addr());
                    let reply = unsafe { Reply::take(etcd_get(client, null(), 0)) }.fails(1001);
                    assert_eq!(reply.text("/cause").as_deref(), Some("key: must not be NULL"));
                    unsafe { etcd_disconnect(client) };
                    unsafe { Reply::take(etcd_get(client, c"/a".as_ptr(), 0)) }.fails(1001);
                }
            });
        }
    });
    let mut all = all.into_inner().expect("no thread has failed");
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 1600, "no number is given twice");
}
