//! Another Rust library that a C program holds: it has threads, thread-local data, and a panic that it catches.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::catch_unwind;
use std::thread;

thread_local!(static CALLS: Cell<i32> = const { Cell::new(0) });

/// The number of calls that this thread has made.
#[unsafe(no_mangle)]
pub extern "C" fn other_calls() -> i32 {
    std::panic::set_hook(Box::new(|_| ()));
    assert!(catch_unwind(|| HashMap::from([(1, 2)])[&3]).is_err());
    CALLS.set(CALLS.get() + 1);
    let elsewhere = thread::spawn(|| CALLS.get()).join().expect("it does not panic");
    CALLS.get() + elsewhere
}
