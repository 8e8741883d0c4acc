//! Signals: the library raises none, and those of the host program disturb no call.

use std::ffi::c_int;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use support::api::*;
use support::child::{Child, fork};
use support::fake::{FakeServer, response};

/// Sets what a signal does in this process; calls that it interrupts are not taken up again by the kernel.
fn on(signal: c_int, action: libc::sighandler_t) {
    let mut how: libc::sigaction = unsafe { std::mem::zeroed() };
    how.sa_sigaction = action;
    assert_eq!(unsafe { libc::sigaction(signal, &how, null_mut()) }, 0);
}

#[test]
fn a_peer_that_is_gone_raises_no_signal() {
    let server = FakeServer::start(|mut conn| {
        conn.head();
        conn.reset();
    });
    let client = Client::connect("127.0.0.1", server.port());
    let form = "v".repeat(10 << 20);
    fork(|| {
        // As in a C program; a Rust program ignores it.
        on(libc::SIGPIPE, libc::SIG_DFL);
        for _ in 0..10 {
            let reply = client.request_with("PUT", "/v2/keys/a", Some(&form), None);
            if reply.code() != 1004 {
                return Err(reply.to_string());
            }
        }
        Ok(())
    })
    .ends_well();
}

/// How many signals the child has caught: several that come at once may be one.
static CAUGHT: AtomicPtr<AtomicUsize> = AtomicPtr::new(null_mut());

extern "C" fn count(_: c_int) {
    unsafe { &*CAUGHT.load(Ordering::Relaxed) }.fetch_add(1, Ordering::Relaxed);
}

/// A number that parent and child both see.
fn shared() -> &'static AtomicUsize {
    let (access, how) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
    let page = unsafe { libc::mmap(null_mut(), size_of::<AtomicUsize>(), access, how, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    // SAFETY: a page of zeros, which is never given back.
    unsafe { &*page.cast::<AtomicUsize>() }
}

/// Sends the child one signal after another until it has ended.
fn signal_until_it_ends(child: Child, signalled: impl Fn()) {
    loop {
        // It is not reaped, so that its process id stays its own.
        let mut ended: libc::siginfo_t = unsafe { std::mem::zeroed() };
        let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        assert_eq!(unsafe { libc::waitid(libc::P_PID, child.0.unsigned_abs(), &mut ended, how) }, 0);
        if unsafe { ended.si_pid() } != 0 {
            break;
        }
        unsafe { libc::kill(child.0, libc::SIGUSR1) };
        signalled();
        thread::sleep(Duration::from_micros(200)); // or the child would do nothing but catch them
    }
    child.ends_well();
}

#[test]
fn signals_interrupt_no_call() {
    let server = FakeServer::start(|mut conn| {
        while let Some(request) = conn.request() {
            if request.line().contains("/held") {
                conn.wait_for_release();
            }
            conn.say(response(200, "{}"));
        }
    });
    let form = "v".repeat(10 << 20);
    let caught = shared();
    CAUGHT.store((&raw const *caught).cast_mut(), Ordering::Relaxed);
    on(libc::SIGUSR1, count as extern "C" fn(c_int) as libc::sighandler_t);
    let child = fork(|| {
        for key in ["/held", "/a"] {
            let client = Client::connect("127.0.0.1", server.port());
            for reply in [client.get(key, 0), client.request_with("PUT", "/v2/keys/a", Some(&form), None)] {
                if reply.code() != 0 {
                    return Err(reply.to_string());
                }
            }
        }
        Ok(())
    });
    signal_until_it_ends(child, || {
        // Enough to matter, while it waits for its answer; the others while it sends.
        if caught.load(Ordering::Relaxed) > 200 {
            server.release();
        }
    });
    assert_eq!(server.requests().len(), 4, "nothing is sent twice");
}
