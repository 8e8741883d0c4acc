//! The loop of one watch, on its own thread.

use std::time::Duration;

use super::watcher::{Receiver, Watcher};
use crate::api::{Feed, Next};
use crate::code;
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
        // Since it last went on: whether something was wrong, and how many endpoints have refused it for good.
        let (mut in_trouble, mut refusals) = (false, 0);
        while watcher.is_running() {
            let next = match self.feed.next(&mut self.line) {
                // Another endpoint may do: this one may be a gateway's default page, or started without the v2 API.
                Next::End(error) if error.code == code::ETCD_ERROR_HTTP => {
                    refusals += 1;
                    if refusals < self.line.endpoints() { Next::Trouble(error) } else { Next::End(error) }
                }
                next => next,
            };
            match next {
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
                    let pause = self.backoff.pause(fastrand::f64()).max(LEAST_PAUSE);
                    let level = if std::mem::replace(&mut in_trouble, true) { Level::Debug } else { Level::Warn };
                    log::log(level, || format!("watch of {}: {error}; asking again in {pause:?}", self.name));
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
            refusals = 0;
            if std::mem::take(&mut in_trouble) {
                log::log(Level::Info, || format!("watch of {} goes on", self.name));
            }
        }
    }
}

/// Whatever `retry.max_delay_ms` allows: a watch asks for ever, and must not be a busy loop.
const LEAST_PAUSE: Duration = Duration::from_millis(10);
