//! A ureq agent as it comes, as a contender of the benchmark.

use std::ffi::{CStr, c_char, c_int, c_void};

/// As in `bench.h`.
#[repr(C)]
pub struct Contender {
    name: *const c_char,
    open: extern "C" fn(&Server, *mut *mut c_void, usize),
    call: extern "C" fn(&Session, c_int),
    close: extern "C" fn(*mut *mut c_void, usize),
    /// For programs; there is none here.
    batch: Option<extern "C" fn()>,
}

// SAFETY: it never changes.
unsafe impl Sync for Contender {}

#[repr(C)]
pub struct Server {
    port: u16,
    authority: [c_char; 32],
}

pub struct Session {
    agent: ureq::Agent,
    url: String,
}

const KEY: &str = "/bench/key";
const VALUE: &str = "postgres-primary-0.example.internal.5432.sslmode-require.pool-20";
const GET: c_int = 0;

#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static ureq: Contender = Contender { name: c"ureq 3.5".as_ptr(), open, call, close, batch: None };

/// One agent for all threads.
extern "C" fn open(server: &Server, sessions: *mut *mut c_void, count: usize) {
    // SAFETY: the benchmark ends it in NUL.
    let authority = unsafe { CStr::from_ptr(server.authority.as_ptr()) }.to_str().expect("digits");
    let session = Session { agent: ureq::Agent::new_with_defaults(), url: format!("http://{authority}/v2/keys{KEY}") };
    let session = Box::into_raw(Box::new(session));
    for i in 0..count {
        // SAFETY: the benchmark has room for that many.
        unsafe { sessions.add(i).write(session.cast()) };
    }
}

extern "C" fn call(session: &Session, call: c_int) {
    let response = match call {
        GET => session.agent.get(&session.url).call(),
        _ => session.agent.put(&session.url).send_form([("value", VALUE)]),
    };
    let body = response.and_then(|mut response| response.body_mut().read_to_string());
    if !body.as_ref().is_ok_and(|body| body.starts_with("{\"action\":")) {
        eprintln!("bench: ureq: a wrong reply: {body:?}");
        std::process::exit(1);
    }
}

extern "C" fn close(sessions: *mut *mut c_void, _count: usize) {
    // SAFETY: made by `open`; nobody uses it any more.
    drop(unsafe { Box::from_raw((*sessions).cast::<Session>()) });
}
