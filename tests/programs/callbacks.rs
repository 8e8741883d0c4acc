//! Callbacks, and the threads they run on: freeing waits for them, and none of them ends the process.

use support::etcd::Etcd;
use support::port;
use support::program::Program;
use support::toolchain::{command, output, printed, run, shared_library};

use crate::c::runs_with_each_server;

#[test]
fn freeing_a_watch_waits_for_its_end() {
    runs_with_each_server("tests/c/watch_free.c");
}

#[test]
fn a_thread_ended_in_a_call_or_a_callback_ends_no_process() {
    // The kernel accepts for it, and nobody answers.
    let silent = port::listen();
    let program = Program::compile("tests/c/thread_end.c");
    for etcd in Etcd::shared() {
        let ports = [etcd.port(), port::of(&silent)].map(|port| port.to_string());
        assert_eq!(run(&mut program.command(&[&ports[0], &ports[1]])), "");
    }
}

/// Python up to 3.13 ends each thread that wants to run Python code after that.
#[test]
fn python_may_end_while_its_callbacks_are_called() {
    for etcd in Etcd::shared() {
        let mut python = command("python3");
        python.args(["-c", PYTHON]).arg(shared_library()).arg(etcd.port().to_string());
        let ended = output(&mut python);
        assert!(ended.status.success() && printed(&ended).is_empty(), "{}: {}", ended.status, printed(&ended));
    }
}

/// Several watches of a key that they themselves write, and a log of it all, when the program ends.
const PYTHON: &str = r#"
import ctypes, sys, threading
etcd = ctypes.CDLL(sys.argv[1])
etcd.etcd_connect.restype = etcd.etcd_set.restype = etcd.etcd_watchloop.restype = ctypes.c_void_p
etcd.etcd_free.argtypes = [ctypes.c_void_p]
take = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p)
line = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
client = ctypes.c_void_p(etcd.etcd_connect(b"127.0.0.1", ctypes.c_uint16(int(sys.argv[2])), None, None))
events = threading.Semaphore(0)
def on_event(user_data, event):
    events.release()
    etcd.etcd_free(etcd.etcd_set(client, b"/python-ends", b"1", ctypes.c_int64(0), 0))
on_event, on_line = take(on_event), line(lambda user_data, level, message: None)
etcd.etcd_set_log(4, on_line, None)
for _ in range(4):
    assert etcd.etcd_watchloop(client, b"/python-ends", 0, ctypes.c_uint64(0), on_event, None, None, None, None)
etcd.etcd_free(etcd.etcd_set(client, b"/python-ends", b"1", ctypes.c_int64(0), 0))
for _ in range(20):
    events.acquire()
"#;
