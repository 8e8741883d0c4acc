//! How long one read or write may block before its deadline is looked at again.

use std::io;
use std::time::Duration;

use crate::net::Deadline;

/// What the kernel has been told for one direction of a socket.
#[derive(Default)]
pub struct Timeout(Duration);

const MAX: Duration = Duration::from_secs(24 * 3600);
const MIN: Duration = Duration::from_millis(1);

impl Timeout {
    /// What to tell the kernel before the next read or write, if anything; an error once the deadline is over.
    ///
    /// Call after call begins with nearly the same time to go, so the kernel is told a little less than is left, and
    /// again only when that would pass the deadline, or be so short that waiting becomes a busy loop.
    pub fn next(&mut self, deadline: Deadline) -> io::Result<Option<Duration>> {
        let left = deadline.left().ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "no answer in time"))?;
        let left = left.clamp(MIN, MAX);
        if self.0 <= left && left / 128 <= self.0 {
            return Ok(None);
        }
        // Zero would mean no timeout.
        self.0 = (left - left / 16).max(MIN);
        Ok(Some(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_told_less_than_is_left_and_seldom() {
        let ms = Duration::from_millis;
        let mut timeout = Timeout::default();
        let mut next = |left| timeout.next(Deadline::after(left)).unwrap();
        let told = next(ms(10_000)).expect("it has been told nothing yet");
        assert!(told < ms(10_000) && told > ms(9_000), "{told:?}");
        assert_eq!((next(ms(10_000)), next(ms(9_999)), next(ms(60_000))), (None, None, None));
        let shorter = next(ms(5_000)).expect("else it would pass the deadline");
        assert!(shorter < ms(5_000) && next(ms(10_000)).is_none());
        assert!(next(ms(3_600_000)).is_some(), "or it would wake up more than a hundred times");
        let at_first = |left| Timeout::default().next(Deadline::after(left)).unwrap();
        assert!(at_first(Duration::MAX) <= Some(MAX) && at_first(ms(2)) > Some(MIN));
        assert_eq!(timeout.next(Deadline::now()).unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
