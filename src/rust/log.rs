//! The library's log.

use std::sync::Arc;

use crate::base::log::{self, Level};

/// Has the lines of the library's log, up to a level, go to a closure from now on, in the whole process; the library prints
/// nothing. It is called on the thread in which a line arises, several at once, and returns before the next thing happens
/// there. Passwords never appear. It returns when no call of the former closure is running any more; inside one, at once.
///
/// ```
/// etcd::set_log(etcd::LogLevel::Warn, |level, line| eprintln!("{level:?} {line}"));
/// # etcd::unset_log();
/// ```
pub fn set_log(level: Level, sink: impl Fn(Level, &str) + Send + Sync + 'static) {
    log::set(level as i32, Some(Arc::new(sink)));
}

/// Has no lines made any more.
pub fn unset_log() {
    log::set(0, None);
}
