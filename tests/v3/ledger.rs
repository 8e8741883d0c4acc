//! What became of many writes: each is carried out once, or not at all, as its reply says.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use support::api::*;
use support::wait::Ends;

use crate::servers::{Ctl, is_without_quorum};

/// Writers that write until they are told to stop, each its own key, so that the key's version counts what was done.
pub struct Ledger {
    writers: Vec<Writer>,
}

struct Writer {
    key: String,
    done: i64,
    unknown: i64,
    refused: i64,
}

impl Ledger {
    /// Writes from so many threads while `disturb` runs; all errors are such as are due when servers come and go.
    pub fn keep(client: &Client, dir: &str, threads: usize, disturb: impl FnOnce()) -> Ledger {
        let is_over = &AtomicBool::new(false);
        thread::scope(|scope| {
            let write = |number: usize| {
                let key = format!("{dir}/{number}");
                scope.spawn(move || {
                    let mut writer = Writer { key, done: 0, unknown: 0, refused: 0 };
                    while !is_over.load(Ordering::Relaxed) {
                        let reply = client.set(&writer.key, "1");
                        match reply.code() {
                            0 => writer.done += 1,
                            ETCD_ERROR_OUTCOME_UNKNOWN => writer.unknown += 1,
                            code => {
                                assert!(is_without_quorum(code), "{reply}");
                                writer.refused += 1;
                            }
                        }
                    }
                    writer
                })
            };
            let writers = Vec::from_iter((0..threads).map(write));
            let ends = Ends(is_over);
            disturb();
            drop(ends);
            let writers = writers.into_iter().map(|writer| writer.join().expect("no writer panics")).collect();
            Ledger { writers }
        })
    }

    /// How many were carried out, and how many may have been.
    pub fn totals(&self) -> (i64, i64) {
        (self.writers.iter().map(|writer| writer.done).sum(), self.writers.iter().map(|writer| writer.unknown).sum())
    }

    /// The server has what the replies said, no more and no less.
    #[track_caller]
    pub fn balances(&self, ctl: &Ctl) {
        for Writer { key, done, unknown, refused } in &self.writers {
            let version = ctl.version(key);
            let said = format!("{key}: {done} done, {unknown} unknown, {refused} refused; its version is {version}");
            assert!(*done <= version && version <= done + unknown, "{said}");
        }
    }
}
