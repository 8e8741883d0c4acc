//! One lease, as far as this process knows: until when it is surely there, and whether it is lost.

use std::time::Duration;

use crate::api::holding::Lease;
use crate::base::clock::Moment;
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::locks::Mutex;

pub struct Tenure {
    pub lease: Lease,
    life: Mutex<Life>,
}

struct Life {
    /// Counted from before the last request that was answered was sent: so not later than the server thinks.
    deadline: Moment,
    /// Why it is over. It never comes back: somebody may have been told.
    end: Option<Error>,
}

impl Tenure {
    /// A lease that was asked for at this moment.
    pub fn new(lease: Lease, asked: Moment) -> Tenure {
        let life = Life { deadline: asked + Duration::from_secs(lease.ttl), end: None };
        Tenure { lease, life: Mutex::new(life) }
    }

    /// How long it is surely there; nothing once it is over.
    pub fn remaining(&self) -> Duration {
        self.remaining_at(Moment::now())
    }

    /// Why it is over, if it is.
    pub fn end(&self) -> Option<Error> {
        self.left().err()
    }

    pub fn remaining_at(&self, now: Moment) -> Duration {
        self.left_at(now).unwrap_or_default()
    }

    /// How long it is surely there, or why it is over.
    pub fn left(&self) -> Result<Duration> {
        self.left_at(Moment::now())
    }

    fn left_at(&self, now: Moment) -> Result<Duration> {
        let mut life = self.life.lock();
        if let Some(end) = &life.end {
            return Err(end.clone());
        }
        let left = life.deadline.left_at(now);
        // In whole milliseconds, as callers are told it: what is 0 is over.
        if left >= Duration::from_millis(1) {
            return Ok(left);
        }
        let cause = format!("no server has kept the lease alive within its {} seconds", self.lease.ttl);
        let end = Error::new(code::ETCD_ERROR_TIMEOUT, LOST, cause);
        life.end = Some(end.clone());
        Err(end)
    }

    /// A server has kept it alive, asked at this moment, for so many seconds; 0: it is gone.
    pub fn kept(&self, asked: Moment, ttl: u64) {
        if ttl == 0 {
            let cause = "the server does not have it any more: it has expired, or was revoked";
            return self.lose(Error::new(code::ETCD_ERROR_KEY_NOT_FOUND, LOST, cause));
        }
        // What is over by our clock stays so, whatever the server still has.
        if !self.remaining().is_zero() {
            self.life.lock().deadline = asked + Duration::from_secs(ttl);
        }
    }

    pub fn lose(&self, error: Error) {
        self.life.lock().end.get_or_insert(error);
    }
}

const LOST: &str = "The lease is lost, and what it held with it";

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn tenure(asked: Moment) -> Tenure {
        Tenure::new(Lease { id: 7, ttl: 5 }, asked)
    }

    #[test]
    fn it_lasts_from_before_it_was_asked_for() {
        let began = Moment::now();
        let tenure = tenure(began);
        assert_eq!(tenure.remaining_at(began + 2 * SECOND), 3 * SECOND);
        tenure.kept(began + 4 * SECOND, 5);
        assert_eq!(tenure.remaining_at(began + 8 * SECOND), SECOND);
        assert!(tenure.end().is_none());
    }

    #[test]
    fn what_is_over_stays_over() {
        let began = Moment::now();
        let late = tenure(began);
        let millisecond = Duration::from_millis(1);
        assert_eq!(late.remaining_at(began + (5 * SECOND - millisecond)), millisecond);
        assert_eq!(late.remaining_at(began + (5 * SECOND - millisecond / 2)), Duration::ZERO);
        late.kept(began + 4 * SECOND, 60);
        assert_eq!((late.remaining_at(began), late.end().map(|end| end.code)), (Duration::ZERO, Some(1003)));
        let gone = tenure(began);
        gone.kept(began, 0);
        gone.lose(Error::cancelled("later"));
        assert_eq!((gone.remaining(), gone.end().map(|end| end.code)), (Duration::ZERO, Some(100)));
    }
}
