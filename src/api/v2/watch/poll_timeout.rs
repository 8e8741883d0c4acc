//! How long a poll may last: as long as allowed, but not so long that the store's history turns over meanwhile.

use std::time::{Duration, Instant};

/// Of the 1,000 changes that etcd remembers: a watch asks for those of two polls again, and the store may become busier.
const CHANGES: f64 = 200.0;
/// How busy a store is shows only after a while.
const FIRST: Duration = Duration::from_millis(500);
const LEAST: Duration = Duration::from_millis(100);

pub struct PollTimeout {
    most: Duration,
    next: Duration,
    /// Where the store was when the last poll began.
    last: Option<(Instant, u64)>,
}

impl PollTimeout {
    pub fn new(most: Duration) -> PollTimeout {
        PollTimeout { most, next: FIRST.min(most), last: None }
    }

    /// The time for the poll that begins `now`, with the store at `index`. Twice the last one's at the most.
    pub fn next(&mut self, now: Instant, index: u64) -> Duration {
        let time = self.next;
        let mut longest = time.saturating_mul(2).min(self.most);
        if let Some((then, before)) = self.last.replace((now, index)) {
            let changes = index.saturating_sub(before) as f64;
            let bearable = now.saturating_duration_since(then).as_secs_f64() * CHANGES / changes.max(1.0);
            longest = longest.min(Duration::try_from_secs_f64(bearable).unwrap_or(self.most).max(LEAST));
            self.next = longest;
            return time.min(longest);
        }
        self.next = longest;
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_secs(30);

    #[test]
    fn with_a_quiet_store_it_grows_to_the_most() {
        let (mut poll_timeout, mut now) = (PollTimeout::new(MOST), Instant::now());
        let mut times = Vec::new();
        for _ in 0..8 {
            let time = poll_timeout.next(now, 100);
            times.push(time.as_millis());
            now += time;
        }
        assert_eq!(times, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
        assert_eq!(PollTimeout::new(LEAST).next(now, 1), LEAST, "never more than is allowed");
    }

    #[test]
    fn with_a_busy_store_a_poll_sees_no_more_changes_than_the_history_holds() {
        let (mut poll_timeout, start, mut now) = (PollTimeout::new(MOST), Instant::now(), Instant::now());
        for _ in 0..20 {
            let index = |at: Instant| ((at - start).as_secs_f64() * 600.0) as u64;
            let time = poll_timeout.next(now, index(now));
            assert!(index(now + time) - index(now) < 400, "{time:?}");
            now += time;
        }
    }
}
