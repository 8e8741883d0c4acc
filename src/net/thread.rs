//! The library's own threads: named, and with all signals blocked, which belong to the host program.

use std::io;
use std::thread::{Builder, JoinHandle};

use nix::sys::signal::{SigSet, SigmaskHow};

use crate::base::panic;

/// Starts a thread in which every signal is blocked from its first instruction on: it inherits the mask of the thread
/// that starts it, which is restored afterwards. An error says that there is no thread to be had.
pub fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let started = Builder::new().name(name.to_owned()).stack_size(STACK).spawn(|| {
        // A panic is in the log, and nobody waits for a result.
        let _ = panic::catch(|| {
            run();
            Ok(())
        });
    });
    // It fails only for an unknown way to set it.
    before.thread_set_mask()?;
    started
}

/// Reserved, not resident: only what is touched costs memory. Callbacks of bindings run here, and interpreters need room.
const STACK: usize = 2 << 20;
