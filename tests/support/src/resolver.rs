//! A resolver that can be made to hang: this program's own `getaddrinfo`, before the C library's.
//!
//! Names ending in `.hangs` are answered only when nobody asks for them any more, those in `.slow` when they are released:
//! with this machine's address, or not at all if they end in `.none.slow`. Those in `.twice` have two addresses,
//! 127.0.0.1 and 127.0.0.2. Those in `.gate` are this machine's, and answered while the gate is open. All others are answered as ever.

use std::ffi::{CStr, c_char, c_int};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

type Resolve =
    unsafe extern "C" fn(*const c_char, *const c_char, *const libc::addrinfo, *mut *mut libc::addrinfo) -> c_int;

static ASKED: AtomicUsize = AtomicUsize::new(0);
static RELEASED: Mutex<bool> = Mutex::new(false);
static CHANGED: Condvar = Condvar::new();

/// How often a name that hangs has been asked for.
pub fn asked() -> usize {
    ASKED.load(Ordering::SeqCst)
}

/// Lets all of them fail.
pub fn release() {
    *RELEASED.lock().expect("nobody panics with it") = true;
    CHANGED.notify_all();
}

/// The look-ups of slow names, which are the whole process's: one of these at a time.
pub struct Slow {
    _alone: MutexGuard<'static, ()>,
}

#[derive(Clone, Copy)]
struct State {
    is_released: bool,
    asked: usize,
    busy: usize,
    most_busy: usize,
}

const FRESH: State = State { is_released: false, asked: 0, busy: 0, most_busy: 0 };
static STATE: Mutex<State> = Mutex::new(FRESH);
static SLOW_CHANGED: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slow {
    pub fn new() -> Slow {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        *state() = FRESH;
        Slow { _alone: alone }
    }

    /// How often one has been asked for.
    pub fn asked(&self) -> usize {
        state().asked
    }

    /// How many threads were at it at once.
    pub fn most_busy(&self) -> usize {
        state().most_busy
    }

    /// Answers all that are asked for, now and later, and waits until it is done with the former.
    pub fn release(&self) {
        let mut state = state();
        state.is_released = true;
        SLOW_CHANGED.notify_all();
        drop(SLOW_CHANGED.wait_timeout_while(state, Duration::from_secs(60), |state| state.busy > 0));
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.release();
    }
}

/// What names in `.gate` are answered by, which is the whole process's: one of these at a time. It is open.
pub struct Gate {
    _alone: MutexGuard<'static, ()>,
}

/// Whether it is shut, and how many wait before it.
static GATE: Mutex<(bool, usize)> = Mutex::new((false, 0));
static GATE_CHANGED: Condvar = Condvar::new();

fn gate() -> MutexGuard<'static, (bool, usize)> {
    GATE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
    pub fn new() -> Gate {
        static ALONE: Mutex<()> = Mutex::new(());
        Gate { _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner) }
    }

    pub fn shut(&self) {
        gate().0 = true;
    }

    pub fn waiting(&self) -> usize {
        gate().1
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        gate().0 = false;
        GATE_CHANGED.notify_all();
    }
}

fn pass_the_gate() {
    let mut gate = gate();
    gate.1 += 1;
    gate = GATE_CHANGED.wait_while(gate, |gate| gate.0).unwrap_or_else(PoisonError::into_inner);
    gate.1 -= 1;
}

#[unsafe(no_mangle)]
unsafe extern "C" fn getaddrinfo(
    mut node: *const c_char,
    service: *const c_char,
    hints: *const libc::addrinfo,
    found: *mut *mut libc::addrinfo,
) -> c_int {
    // SAFETY: the C library's contract: NULL or a C string.
    let name = if node.is_null() { b"" } else { unsafe { CStr::from_ptr(node) }.to_bytes() };
    if name.ends_with(b".hangs") {
        ASKED.fetch_add(1, Ordering::SeqCst);
        let released = RELEASED.lock().expect("nobody panics with it");
        drop(CHANGED.wait_while(released, |released| !*released));
        return libc::EAI_NONAME;
    }
    if name.ends_with(b".slow") {
        wait_for_release();
        if name.ends_with(b".none.slow") {
            return libc::EAI_NONAME;
        }
        node = c"127.0.0.1".as_ptr();
    }
    if name.ends_with(b".gate") {
        pass_the_gate();
        node = c"127.0.0.1".as_ptr();
    }
    // SAFETY: the next one is the C library's, whose type this is; its lists are freed node by node, so that one may be
    // hung behind another.
    unsafe {
        let next = libc::dlsym(libc::RTLD_NEXT, c"getaddrinfo".as_ptr());
        assert!(!next.is_null(), "the C library has one");
        let next = std::mem::transmute::<*mut libc::c_void, Resolve>(next);
        if !name.ends_with(b".twice") {
            return next(node, service, hints, found);
        }
        let mut second = std::ptr::null_mut();
        let codes = (
            next(c"127.0.0.1".as_ptr(), service, hints, found),
            next(c"127.0.0.2".as_ptr(), service, hints, &mut second),
        );
        assert_eq!(codes, (0, 0), "numbers need no look-up");
        let mut last = *found;
        while !(*last).ai_next.is_null() {
            last = (*last).ai_next;
        }
        (*last).ai_next = second;
        0
    }
}

fn wait_for_release() {
    let mut state = state();
    state.asked += 1;
    state.busy += 1;
    state.most_busy = state.most_busy.max(state.busy);
    let mut state = SLOW_CHANGED.wait_while(state, |state| !state.is_released).unwrap_or_else(PoisonError::into_inner);
    state.busy -= 1;
    SLOW_CHANGED.notify_all();
}
