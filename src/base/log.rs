//! What the library has to say: to the host program's callback, never to its terminal.

use std::cell::Cell;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::base::locks::{Arc, Condvar, Mutex, MutexGuard, RwLock, RwLockWriteGuard};
use crate::base::process;

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    /// What a programmer must look at.
    Error = 1,
    /// What went wrong; the error of the call says it, too.
    Warn = 2,
    /// What changed: a watch that resumed, an endpoint left for another.
    Info = 3,
    /// Every request, and the body of every reply.
    Debug = 4,
}

pub type Sink = Arc<dyn Fn(Level, &str) + Send + Sync>;

/// The sink that is set, and how many lines are on their way to it.
pub struct Current {
    sink: Sink,
    lines: Arc<Lines>,
}

#[derive(Default)]
struct Lines {
    under_way: Mutex<usize>,
    none_left: Condvar,
}

static LEVEL: AtomicI32 = AtomicI32::new(0);
static CURRENT: RwLock<Option<Current>> = RwLock::new(None);

thread_local! {
    /// How many calls of a sink this thread is inside of.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Lines up to `level` go to `sink` from now on; 0 or no sink: none. Returns when no line to the former sink is under way
/// any more; inside a sink it returns at once, for there it might wait for itself.
pub fn set(level: i32, sink: Option<Sink>) {
    let level = if sink.is_some() { level } else { 0 };
    let current = sink.map(|sink| Current { sink, lines: Arc::default() });
    let former = {
        let mut place = lock();
        LEVEL.store(level, Ordering::Release);
        std::mem::replace(&mut *place, current)
    };
    if let Some(former) = former.filter(|_| !is_inside_a_sink()) {
        former.lines.wait_for_none();
    }
}

/// Writes one line; `line` is made only if somebody wants it.
pub fn log(level: Level, line: impl FnOnce() -> String) {
    if !enabled(level) {
        return;
    }
    // Cloned and counted under the lock, and called outside it, so that a sink may set another one.
    let (sink, _counted) = {
        let place = CURRENT.read();
        let Some(current) = &*place else { return };
        (current.sink.clone(), Counted::new(&current.lines))
    };
    sink(level, &line());
}

/// Whether this thread is inside a sink, which another thread may wait for.
pub fn is_inside_a_sink() -> bool {
    DEPTH.get() > 0
}

pub fn enabled(level: Level) -> bool {
    LEVEL.load(Ordering::Acquire) >= level as i32
}

/// For `fork`, which must not happen while another thread is in here.
pub fn lock() -> RwLockWriteGuard<'static, Option<Current>> {
    CURRENT.write()
}

/// To be called in every forked child, with what `lock` returned: the lines that are under way are the parent's.
pub fn forked(place: &mut Option<Current>) {
    if let Some(current) = place {
        // Not dropped: its lock may be held by a thread that the child does not have.
        std::mem::forget(std::mem::take(&mut current.lines));
    }
}

/// A line that is under way, until it is dropped.
struct Counted {
    lines: Arc<Lines>,
    generation: u64,
}

impl Counted {
    fn new(lines: &Arc<Lines>) -> Counted {
        *lines.lock() += 1;
        DEPTH.set(DEPTH.get() + 1);
        Counted { lines: lines.clone(), generation: process::generation() }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        // After a fork inside the sink they are the parent's, see `forked`.
        if self.generation == process::generation() {
            let mut under_way = self.lines.lock();
            *under_way -= 1;
            if *under_way == 0 {
                self.lines.none_left.notify_all();
            }
        }
    }
}

impl Lines {
    fn wait_for_none(&self) {
        let mut under_way = self.lock();
        while *under_way > 0 {
            under_way = self.none_left.wait(under_way);
        }
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.under_way.lock()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    /// The log is the whole process's, so all is in one test.
    #[test]
    fn no_line_is_under_way_to_a_sink_that_was_replaced() {
        let (began, has_began) = channel();
        let (go_on, may_go_on) = channel::<()>();
        let (ends, may_go_on) = (Arc::new(Mutex::new(0)), Mutex::new(may_go_on));
        let sink = {
            let ends = ends.clone();
            move |_: Level, line: &str| {
                if line == "a line of this test" {
                    began.send(()).unwrap();
                    may_go_on.lock().recv().unwrap();
                    // Inside, a replacement waits for nothing.
                    set(1, None);
                    *ends.lock() += 1;
                }
            }
        };
        set(1, Some(Arc::new(sink)));
        thread::scope(|scope| {
            scope.spawn(|| log(Level::Error, || "a line of this test".to_owned()));
            has_began.recv().unwrap();
            let replacing = scope.spawn(|| {
                set(1, None);
                *ends.lock()
            });
            while enabled(Level::Error) {
                thread::yield_now();
            }
            go_on.send(()).unwrap();
            assert_eq!(replacing.join().unwrap(), 1, "it returned before the line had ended");
        });
    }
}
