//! Forked children of the test program, which report how they ended.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A forked child, which runs for so many seconds at most: a deadlock ends with SIGALRM, and the test fails.
pub struct Child(pub libc::pid_t);
const ALARM: u32 = 60;

/// Forks. The child runs `body`, which says what went wrong if anything did, and ends.
pub fn fork(body: impl FnOnce() -> Result<(), String>) -> Child {
    match unsafe { libc::fork() } {
        -1 => panic!("cannot fork: {}", std::io::Error::last_os_error()),
        0 => {
            unsafe { libc::alarm(ALARM) };
            let done = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| Err("a panic".to_owned()));
            let text = done.as_ref().err().map(|error| format!("in the child: {error}\n")).unwrap_or_default();
            // Neither Rust's own output, whose lock another thread may have had, nor what runs at an exit.
            unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
            unsafe { libc::_exit(c_int::from(done.is_err())) }
        }
        child => Child(child),
    }
}

impl Child {
    /// Waits for its end, which must be a good one.
    #[track_caller]
    pub fn ends_well(self) {
        self.end().unwrap_or_else(|error| panic!("{error}"));
    }

    pub fn end(self) -> Result<(), String> {
        let mut status = 0;
        let waited = unsafe { libc::waitpid(self.0, &mut status, 0) };
        if waited != self.0 {
            return Err(format!("no child: {}", std::io::Error::last_os_error()));
        }
        if libc::WIFSIGNALED(status) {
            return Err(format!("the child was ended by signal {} (14 is the alarm)", libc::WTERMSIG(status)));
        }
        if libc::WEXITSTATUS(status) == 0 { Ok(()) } else { Err("the child failed".to_owned()) }
    }
}
