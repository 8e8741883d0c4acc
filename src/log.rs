//! What the library has to say: to the host program's callback, never to its terminal.

use std::sync::atomic::{AtomicI32, Ordering};

use crate::locks::{Arc, PoisonError, RwLock, RwLockWriteGuard};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    Error = 1,
    Warn = 2,
    Info = 3,
    Debug = 4,
}

pub type Sink = Arc<dyn Fn(Level, &str) + Send + Sync>;

static LEVEL: AtomicI32 = AtomicI32::new(0);
static SINK: RwLock<Option<Sink>> = RwLock::new(None);

/// Lines up to `level` go to `sink` from now on; 0 or no sink: none.
pub fn set(level: i32, sink: Option<Sink>) {
    let level = if sink.is_some() { level } else { 0 };
    *lock() = sink;
    LEVEL.store(level, Ordering::Release);
}

/// Writes one line; `line` is made only if somebody wants it.
pub fn log(level: Level, line: impl FnOnce() -> String) {
    if !enabled(level) {
        return;
    }
    // Cloned, so that the callback may set another one.
    let sink = SINK.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(sink) = sink {
        sink(level, &line());
    }
}

pub fn enabled(level: Level) -> bool {
    LEVEL.load(Ordering::Acquire) >= level as i32
}

/// For `fork`, which must not happen while another thread is in here.
pub fn lock() -> RwLockWriteGuard<'static, Option<Sink>> {
    SINK.write().unwrap_or_else(PoisonError::into_inner)
}
