//! The log: which lines the callback gets, at which level, and which not.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::Mutex;

use support::api::*;
use support::etcd::Etcd;
use support::log::{Log, keep};
use support::port::Closed;

fn server() -> &'static Etcd {
    &Etcd::shared()[0]
}

fn client() -> Client {
    Client::connect("127.0.0.1", server().port())
}

#[test]
fn at_debug_each_request_is_a_line_and_its_replys_body_another() {
    let (client, log) = (client(), Log::at(ETCD_LOG_DEBUG));
    let url = server().url();
    let calls = [
        (client.set("/log a", "secret+ é").ok(), "PUT {}/v2/keys/log%20a -> 201 in "),
        (client.get("/log a", ETCD_RECURSIVE).ok(), "GET {}/v2/keys/log%20a?recursive=true -> 200 in "),
        (client.get("/log b", 0).fails(ETCD_ERROR_KEY_NOT_FOUND), "GET {}/v2/keys/log%20b -> 404 in "),
        (client.set_with("/log", "", 0, ETCD_ORDERED).ok(), "POST {}/v2/keys/log -> 201 in "),
        (client.delete("/log a").ok(), "DELETE {}/v2/keys/log%20a -> 200 in "),
        (client.server_version().ok(), "GET {}/version -> 200 in "),
    ];
    let lines = log.take();
    assert_eq!(lines.len(), 2 * calls.len());
    for ((reply, line), told) in calls.into_iter().zip(lines.chunks(2)) {
        assert!(told.iter().all(|(level, _)| *level == ETCD_LOG_DEBUG), "{told:?}");
        let (request, body) = (&told[0].1, &told[1].1);
        assert!(request.starts_with(&line.replace("{}", &url)) && request.ends_with(" ms"), "{request}");
        assert!(!request.contains("secret"), "{request}");
        assert!(!body.ends_with('\n') && reply.raw().starts_with(body.strip_suffix('}').expect("JSON")), "{body}");
    }
    assert_eq!(log.take(), []);
}

#[test]
fn a_call_of_several_requests_logs_each() {
    let (client, log) = (client(), Log::at(ETCD_LOG_DEBUG));
    client.setdir("/log several").ok();
    log.take();
    client.updatedir("/log several", 60);
    let methods = Vec::from_iter(log.take().iter().step_by(2).map(|(_, line)| line[..4].to_owned()));
    assert_eq!(methods, ["GET ", "PUT "]);
}

#[test]
fn a_level_keeps_out_what_is_above_it() {
    let closed = Closed::refusing();
    let (client, lost, log) = (client(), Client::connect("127.0.0.1", closed.port), Log::at(ETCD_LOG_OFF));
    for (level, lines, warns) in [
        (i32::MIN, 0, false),
        (ETCD_LOG_OFF, 0, false),
        (ETCD_LOG_ERROR, 0, false),
        (ETCD_LOG_WARN, 0, true),
        (ETCD_LOG_INFO, 0, true),
        (ETCD_LOG_DEBUG, 2, true),
        (i32::MAX, 2, true),
    ] {
        log.set(level);
        client.get("/log none", 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
        lost.get("/log none", 0).fails(ETCD_ERROR_UNAVAILABLE);
        client.get("//", 0).fails(ETCD_ERROR_INVALID_ARGUMENT); // not sent, so not told
        let told = log.take();
        let (debug, warnings) = told.iter().partition::<Vec<_>, _>(|(level, _)| *level == ETCD_LOG_DEBUG);
        assert_eq!((debug.len(), !warnings.is_empty()), (lines, warns), "at level {level}: {told:?}");
        // One for each attempt.
        assert!(warnings.iter().all(|(level, line)| *level == ETCD_LOG_WARN && line.contains("1002")), "{told:?}");
    }
}

#[test]
fn without_a_callback_nothing_is_logged() {
    let (client, log) = (client(), Log::at(ETCD_LOG_DEBUG));
    client.server_version().ok();
    assert_eq!(log.take().len(), 2);
    unsafe { etcd_set_log(ETCD_LOG_DEBUG, None, log.user_data()) };
    client.server_version().ok();
    assert_eq!(log.take(), []);
    log.set(ETCD_LOG_OFF);
    client.server_version().ok();
    assert_eq!(log.take(), []);
}

#[test]
fn threads_may_log_at_once_and_no_line_is_lost() {
    let (client, log) = (client(), Log::at(ETCD_LOG_DEBUG));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..25).for_each(|_| drop(client.get("/", 0).ok())));
        }
    });
    assert_eq!(log.take().len(), 4 * 25 * 2);
}

#[test]
fn a_callback_may_call_the_library_and_set_another_callback() {
    unsafe extern "C" fn call_and_hand_on(log: *mut c_void, level: c_int, message: *const c_char) {
        unsafe {
            etcd_set_log(ETCD_LOG_DEBUG, Some(keep), log);
            keep(log, level, message);
            drop(client().server_version().ok());
        }
    }
    let (client, log) = (client(), Log::at(ETCD_LOG_OFF));
    unsafe { etcd_set_log(ETCD_LOG_DEBUG, Some(call_and_hand_on), log.user_data()) };
    client.get("/", 0).ok();
    let told = log.take();
    let line = |i: usize, path: &str| told[i].1.starts_with(&format!("GET {}{path} ->", server().url()));
    assert!(told.len() == 4 && line(0, "/v2/keys/") && line(1, "/version"), "{told:?}");
}

#[test]
fn user_data_may_be_null() {
    static LEVELS: Mutex<Vec<c_int>> = Mutex::new(Vec::new());
    unsafe extern "C" fn note(user_data: *mut c_void, level: c_int, _: *const c_char) {
        assert!(user_data.is_null());
        LEVELS.lock().unwrap().push(level);
    }
    let (client, _log) = (client(), Log::at(ETCD_LOG_OFF));
    unsafe { etcd_set_log(ETCD_LOG_DEBUG, Some(note), null_mut()) };
    client.server_version().ok();
    unsafe { etcd_set_log(ETCD_LOG_OFF, None, null_mut()) };
    assert_eq!(*LEVELS.lock().unwrap(), [ETCD_LOG_DEBUG; 2]);
}
