//! The loop of one watch, on its own thread.

use super::watcher::{Receiver, Watcher};
use crate::api::{Feed, Next};
use crate::log::{self, Level};
use crate::net::{Backoff, Deadline};
use crate::transport::Line;

pub struct Worker {
    pub feed: Box<dyn Feed>,
    pub line: Line,
    pub backoff: Backoff,
    /// Whether the first event is the last.
    pub once: bool,
    /// For the log.
    pub name: String,
}

impl Worker {
    /// Hands on what the feed brings until the watch is stopped, sated, or fails for good.
    pub fn run(mut self, watcher: &Watcher, receiver: &mut dyn Receiver) {
        let mut in_trouble = false;
        while watcher.is_running() {
            match self.feed.next(&mut self.line) {
                Next::Event(event) => {
                    self.backoff.reset();
                    if !self.once {
                        self.feed.ask_ahead(&mut self.line);
                    }
                    if !watcher.deliver(receiver, &event) || self.once {
                        break;
                    }
                }
                Next::Nothing => self.backoff.reset(),
                Next::Trouble(error) => {
                    if !watcher.is_running() {
                        break;
                    }
                    in_trouble = true;
                    let pause = self.backoff.pause(fastrand::f64());
                    log::log(Level::Warn, || format!("watch of {}: {error}; asking again in {pause:?}", self.name));
                    self.line.move_on();
                    if watcher.pause(Deadline::after(pause)).is_err() {
                        break;
                    }
                    continue;
                }
                Next::End(error) => {
                    log::log(Level::Error, || format!("watch of {} ends: {error}", self.name));
                    watcher.deliver(receiver, &error.to_json());
                    break;
                }
            }
            if std::mem::take(&mut in_trouble) {
                log::log(Level::Info, || format!("watch of {} goes on", self.name));
            }
        }
    }
}
