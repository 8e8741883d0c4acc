//! A clock that nobody sets, and that goes on while the machine is suspended: leases run out on the server meanwhile.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// A point in time, of this machine and until it is started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

#[cfg(all(target_os = "linux", not(miri)))]
const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;
/// On macOS it goes on while the machine sleeps (clock_gettime(3)). On FreeBSD the clock of boot time is the one that does
/// not; whether this one does there is untested. Miri knows this one alone.
#[cfg(any(not(target_os = "linux"), miri))]
const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;

impl Moment {
    pub fn now() -> Moment {
        // Every system that Rust runs on has it.
        let time = clock_gettime(CLOCK).expect("a monotonic clock");
        Moment(Duration::from(time))
    }

    /// What is left until then, at another time; nothing once it is over.
    pub fn left_at(self, now: Moment) -> Duration {
        self.0.saturating_sub(now.0)
    }
}

impl std::ops::Add<Duration> for Moment {
    type Output = Moment;

    /// A time that cannot be expressed is the last that can.
    fn add(self, time: Duration) -> Moment {
        Moment(self.0.saturating_add(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_forward_and_counts_what_is_left() {
        let now = Moment::now();
        let then = now + Duration::from_secs(5);
        assert_eq!(then.left_at(now), Duration::from_secs(5));
        assert_eq!(now.left_at(then), Duration::ZERO);
        assert!(Moment::now() >= now && now + Duration::MAX > then);
    }
}
