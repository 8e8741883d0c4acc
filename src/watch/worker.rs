//! What a watch does with what its source brings: on a thread of its own, or in turns on others'.

use std::time::Duration;

use super::delivery::{Delivery, Receiver};
use crate::api::{EventSource, Listener, Look, Next};
use crate::base::locks::Weak;
use crate::base::log::{self, Level};
use crate::net::{Backoff, Deadline};

/// Dropped after the last event: its receiver is, too.
pub struct Worker {
    pub source: Box<dyn EventSource>,
    pub receiver: Box<dyn Receiver>,
    pub backoff: Backoff,
    /// Whether the first event is the last.
    pub once: bool,
    pub in_trouble: bool,
}

/// How a turn ended.
pub enum Rest {
    /// There is nothing more, or no room for it: until somebody says otherwise.
    Quiet,
    /// After this pause it must ask a server, which this thread does not wait for.
    Asks(Duration),
    /// The last event has been delivered, or the watch was stopped.
    Over,
}

/// Has no functions to be called, and takes no memory.
pub struct Nobody;

impl Receiver for Nobody {
    fn is_pushed(&self) -> bool {
        false
    }

    fn is_called(&self) -> bool {
        false
    }

    fn take(&mut self, _: &str) -> bool {
        true
    }
}

enum Step {
    GoOn,
    Pause(Duration),
    End,
}

impl Worker {
    /// Whether it needs no thread of its own: its receiver has no functions to be called, and its source says when it has
    /// something, to `listener`.
    pub fn attach(&mut self, listener: &Weak<dyn Listener>) -> bool {
        let is_attached = !self.receiver.is_called() && self.source.attach(listener);
        if is_attached {
            self.receiver = Box::new(Nobody);
        }
        is_attached
    }

    /// Hands on what the source brings until the watch is stopped, its receiver wants no more, or it fails for good; or,
    /// false, until it needs no thread of its own.
    pub fn run(&mut self, delivery: &Delivery, listener: &Weak<dyn Listener>) -> bool {
        while delivery.is_running() {
            if self.attach(listener) {
                return false;
            }
            let next = self.source.next();
            match self.take(next, delivery) {
                Step::GoOn => {}
                Step::Pause(pause) => {
                    if delivery.pause(Deadline::after(pause)).is_err() {
                        break;
                    }
                }
                Step::End => break,
            }
        }
        true
    }

    /// Hands on what the source has, as far as there is room, and waits for nothing but, if it `may_ask`, servers' answers.
    pub fn turn(&mut self, delivery: &Delivery, may_ask: bool) -> Rest {
        loop {
            if !delivery.is_running() {
                return Rest::Over;
            }
            if !delivery.has_room() {
                return Rest::Quiet;
            }
            let next = match self.source.look() {
                Look::Found(next) => next,
                Look::Asks if may_ask => self.source.next(),
                Look::Asks => return Rest::Asks(Duration::ZERO),
                Look::Nothing => return Rest::Quiet,
            };
            match self.take(next, delivery) {
                Step::GoOn => {}
                Step::Pause(pause) => return Rest::Asks(pause),
                Step::End => return Rest::Over,
            }
        }
    }

    fn take(&mut self, next: Next, delivery: &Delivery) -> Step {
        if !matches!(next, Next::Retry(_) | Next::Refused(_) | Next::Fatal(_)) {
            self.backoff.reset();
            if std::mem::take(&mut self.in_trouble) {
                log::log(Level::Info, || format!("watch of {} goes on", self.source.name()));
            }
        }
        let is_part = matches!(next, Next::Part(_));
        match next {
            Next::Event(event) | Next::Part(event) => {
                let goes_on = delivery.deliver(&mut *self.receiver, &event, is_part) && !self.once;
                if goes_on { Step::GoOn } else { Step::End }
            }
            Next::Idle => Step::GoOn,
            // Another endpoint may do: the source goes on to it.
            Next::Retry(error) | Next::Refused(error) => {
                if !delivery.is_running() {
                    return Step::End;
                }
                let pause = self.backoff.pause(fastrand::f64()).max(LEAST_PAUSE);
                let level = if std::mem::replace(&mut self.in_trouble, true) { Level::Debug } else { Level::Warn };
                log::log(level, || format!("watch of {}: {error}; asking again in {pause:?}", self.source.name()));
                Step::Pause(pause)
            }
            Next::Fatal(error) => {
                log::log(Level::Error, || format!("watch of {} ends: {error}", self.source.name()));
                delivery.deliver(&mut *self.receiver, &error.to_json(), false);
                Step::End
            }
        }
    }
}

/// Whatever `retry.max_delay_ms` allows: a watch asks again without end, and must not be a busy loop.
const LEAST_PAUSE: Duration = Duration::from_millis(10);
