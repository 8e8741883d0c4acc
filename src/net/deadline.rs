//! A point in time by which something must be over.

use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    /// `time` from now; a time that the clock cannot express is a hundred years.
    pub fn after(time: Duration) -> Deadline {
        Deadline::from(Instant::now(), time)
    }

    /// The same for a caller that has read the clock already: reading it takes time, too.
    pub fn from(now: Instant, time: Duration) -> Deadline {
        Deadline(now.checked_add(time).unwrap_or(now + Duration::from_secs(100 * 365 * 24 * 3600)))
    }

    /// Over already: for a caller that does not wait.
    pub fn now() -> Deadline {
        Deadline(Instant::now())
    }

    /// What was left at that time; nothing once it was over.
    pub fn left_at(self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }

    /// What is left; `None` once it is over.
    pub fn left(self) -> Option<Duration> {
        self.0.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    pub fn is_over(self) -> bool {
        self.left().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_when_no_time_is_left() {
        assert!(Deadline::after(Duration::ZERO).is_over());
        assert!(!Deadline::after(Duration::MAX).is_over());
        let hour = Deadline::after(Duration::from_secs(3600));
        assert!(hour.left().unwrap() <= Duration::from_secs(3600) && !hour.is_over());
        assert!(hour < Deadline::after(Duration::MAX));
    }
}
