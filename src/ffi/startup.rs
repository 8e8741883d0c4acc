//! What is done once in a process, when the library is loaded: before any call, so that no thread can fork while another
//! one is at it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{environment, fork};
use crate::base::panic;

/// The loader calls what is in this section, of a shared library and of a program that contains the static one alike.
#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static AT_LOAD: extern "C" fn() = start;

static IS_STARTED: AtomicBool = AtomicBool::new(false);

extern "C" fn start() {
    // No `Once`: a second thread must not wait for the first, which a forked child does not have.
    // Miri, which looks for undefined behaviour in tests, knows nothing of what is called here.
    if !IS_STARTED.swap(true, Ordering::AcqRel) && !cfg!(miri) {
        fork::handle_forks();
        panic::handle_panics();
        environment::judge();
    }
}

/// For every call. A linker takes from a static library only what is referred to, and other initialisers may call the
/// library before its own ran.
pub fn ensure() {
    if !IS_STARTED.load(Ordering::Acquire) {
        std::hint::black_box(&AT_LOAD)();
    }
}
