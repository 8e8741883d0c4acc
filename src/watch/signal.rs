//! How an owner says that it has something to tell, to who does not wait in a call: by a descriptor for `poll`, which is
//! readable meanwhile, and by waking futures.

use std::os::fd::{AsRawFd, RawFd};

use crate::base::locks::{Arc, Weak};
use crate::net::{Flag, Sleeper};

#[derive(Default)]
pub struct Signal {
    /// Made when it is first asked for.
    flag: Option<Flag>,
    /// Each is woken once.
    sleepers: Vec<Weak<Sleeper>>,
}

impl Signal {
    /// The same one as long as this lives; `None` if the process has none left.
    pub fn descriptor(&mut self, is_readable: bool) -> Option<RawFd> {
        if self.flag.is_none() {
            self.flag = Some(Flag::new().ok()?);
            self.set(is_readable);
        }
        self.flag.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// Has a future be woken once there is something.
    pub fn listen(&mut self, sleeper: &Arc<Sleeper>) {
        self.sleepers.retain(|sleeper| sleeper.strong_count() > 0);
        self.sleepers.push(Arc::downgrade(sleeper));
    }

    /// Each time it is readable is an edge.
    pub fn set(&mut self, is_readable: bool) {
        if is_readable {
            self.wake();
        }
        let Some(flag) = &self.flag else { return };
        flag.lower();
        if is_readable {
            flag.raise();
        }
    }

    /// Wakes the futures alone.
    fn wake(&mut self) {
        std::mem::take(&mut self.sleepers).into_iter().for_each(Sleeper::wake_aside);
    }

    #[cfg(test)]
    pub fn is_readable(&mut self) -> bool {
        let is_raised = self.flag.as_ref().is_some_and(Flag::lower);
        self.set(is_raised);
        is_raised
    }
}
