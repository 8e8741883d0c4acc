//! An end that comes once: who asks for it again meanwhile waits until it is over.

use std::thread::{self, ThreadId};

use crate::base::locks::{Condvar, Mutex};
use crate::base::log;

#[derive(Default)]
pub struct Ending {
    stage: Mutex<Stage>,
    changed: Condvar,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    By(ThreadId),
    Over,
}

impl Ending {
    /// Does it, unless that has been done. Inside the end itself, and inside a line of the log, which the end may wait
    /// for, it does not wait.
    pub fn once(&self, end: impl FnOnce()) {
        let this = thread::current().id();
        let mut stage = self.stage.lock();
        match *stage {
            Stage::Open => *stage = Stage::By(this),
            Stage::Over => return,
            Stage::By(thread) if thread == this || log::is_inside_a_sink() => return,
            Stage::By(_) => {
                while *stage != Stage::Over {
                    stage = self.changed.wait(stage);
                }
                return;
            }
        }
        drop(stage);
        let _over = Over(self);
        end();
    }
}

/// Says that it is over, after a panic, too.
struct Over<'a>(&'a Ending);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        *self.0.stage.lock() = Stage::Over;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn it_comes_once_and_who_is_late_waits_for_it() {
        let (ending, ends) = (Ending::default(), AtomicUsize::new(0));
        let (begun, begins) = channel();
        let (release, released) = channel::<()>();
        thread::scope(|scope| {
            let (ending, ends) = (&ending, &ends);
            scope.spawn(move || {
                ending.once(|| {
                    ending.once(|| unreachable!("inside itself it does not wait"));
                    begun.send(()).unwrap();
                    released.recv().unwrap();
                    ends.fetch_add(1, Ordering::SeqCst);
                });
            });
            begins.recv().unwrap();
            let late = scope.spawn(|| {
                ending.once(|| unreachable!("it comes once"));
                ends.load(Ordering::SeqCst)
            });
            // It cannot be seen that a thread waits; one that does not is likely to have returned by then.
            thread::sleep(std::time::Duration::from_millis(20));
            release.send(()).unwrap();
            assert_eq!(late.join().unwrap(), 1);
        });
        ending.once(|| unreachable!("it is over"));
    }
}
