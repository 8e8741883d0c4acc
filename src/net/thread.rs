//! The library's own threads: named, and deaf to signals, which belong to the host program.

use std::io;
use std::thread::{Builder, JoinHandle};

use nix::sys::signal::{SigSet, SigmaskHow};

use crate::bug;

/// Starts a thread with every signal blocked from its first instruction on: it inherits the mask of
/// the thread that starts it, which is put back afterwards.
pub fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
    let started = Builder::new().name(name.to_owned()).stack_size(STACK).spawn(|| {
        // If it panics, its words are in the log.
        let _ = bug::catch(|| {
            run();
            Ok(())
        });
    });
    before.thread_set_mask()?;
    started
}

/// Reserved, not resident: only what is touched costs memory. Callbacks of bindings run here, and
/// interpreters want room.
const STACK: usize = 2 << 20;
