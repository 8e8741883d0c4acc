//! The life of a watch: it runs, it is asked to stop, it has ended. After the second no delivery is begun, but one may be
//! under way; after the third nothing of the caller's is used any more.

use crate::base::locks::{Condvar, Mutex, MutexGuard};
use crate::net::Deadline;

#[derive(Default)]
pub struct Lifecycle {
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

impl Lifecycle {
    /// Whether a delivery may be begun.
    pub fn may_deliver(&self) -> bool {
        *self.lock() == Stage::Running
    }

    pub fn stop(&self) {
        let mut stage = self.lock();
        *stage = (*stage).max(Stage::Stopping);
    }

    /// Ends it; `along` is done in the same moment, as other threads see it.
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
                None => self.ended.wait(stage),
                Some(Some(left)) => self.ended.wait_timeout(stage, left),
                Some(None) => return false,
            };
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_only_goes_forward() {
        let life = Lifecycle::default();
        let now = || Some(Deadline::after(Duration::ZERO));
        assert!(life.may_deliver() && !life.wait(now()));
        life.stop();
        assert!(!life.may_deliver() && !life.wait(now()));
        life.end(|| ());
        life.stop();
        assert!(!life.may_deliver() && life.wait(now()) && life.wait(None));
    }
}
