//! A watcher's life: it runs, it is told to stop, it has ended. After the second no delivery is begun, but one may be
//! under way; after the third nothing of the caller's is touched any more.

use crate::locks::{Condvar, Mutex, MutexGuard, PoisonError};
use crate::net::Deadline;

#[derive(Default)]
pub struct Life {
    stage: Mutex<Stage>,
    ended: Condvar,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Running,
    Stopping,
    Ended,
}

impl Life {
    /// Whether a delivery may be begun.
    pub fn may_deliver(&self) -> bool {
        *self.lock() == Stage::Running
    }

    pub fn stop(&self) {
        let mut stage = self.lock();
        *stage = (*stage).max(Stage::Stopping);
    }

    /// `along` with it ends, at the same time for everybody who looks.
    pub fn end(&self, along: impl FnOnce()) {
        let mut stage = self.lock();
        *stage = Stage::Ended;
        along();
        drop(stage);
        self.ended.notify_all();
    }

    /// Waits for the end. False if it has not come by then.
    pub fn wait(&self, until: Option<Deadline>) -> bool {
        let mut stage = self.lock();
        while *stage != Stage::Ended {
            stage = match until.map(Deadline::left) {
                None => self.ended.wait(stage).unwrap_or_else(PoisonError::into_inner),
                Some(Some(left)) => self.ended.wait_timeout(stage, left).unwrap_or_else(PoisonError::into_inner).0,
                Some(None) => return false,
            };
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_only_goes_forward() {
        let life = Life::default();
        let now = || Some(Deadline::after(Duration::ZERO));
        assert!(life.may_deliver() && !life.wait(now()));
        life.stop();
        assert!(!life.may_deliver() && !life.wait(now()));
        life.end(|| ());
        life.stop();
        assert!(!life.may_deliver() && life.wait(now()) && life.wait(None));
    }
}
