//! When to ask a silent server whether it is still there, and when to take it for lost. No clock of its own.

use std::time::{Duration, Instant};

pub struct Heartbeat {
    patience: Duration,
    heard: Instant,
    asked: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Beat {
    Ask,
    Lost,
    /// Look again when so much time has passed.
    Wait(Duration),
}

/// etcd forgives three questions that come less than `--grpc-keepalive-min-time` after one another, which is 5 s, and
/// ends the connection at the fourth.
const MIN_INTERVAL: Duration = Duration::from_millis(5500);

impl Heartbeat {
    pub fn new(patience: Duration, now: Instant) -> Heartbeat {
        Heartbeat { patience, heard: now, asked: None }
    }

    /// Something came in.
    pub fn heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// A question is to be sent where the answer is `Beat::Ask`.
    pub fn next(&mut self, now: Instant) -> Beat {
        let since = |then: Instant| now.saturating_duration_since(then);
        let half = self.patience / 2;
        if let Some(asked) = self.asked.filter(|asked| *asked >= self.heard) {
            let left = half.saturating_sub(since(asked)).max(self.patience.saturating_sub(since(self.heard)));
            return if left.is_zero() { Beat::Lost } else { Beat::Wait(left) };
        }
        let pause = self.asked.map_or(Duration::ZERO, |asked| MIN_INTERVAL.saturating_sub(since(asked)));
        let left = half.saturating_sub(since(self.heard)).max(pause);
        if left.is_zero() {
            self.asked = Some(now);
            Beat::Ask
        } else {
            Beat::Wait(left)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_silent_server_is_asked_at_half_time_and_lost_at_the_end() {
        let began = Instant::now();
        let mut heartbeat = Heartbeat::new(20 * SECOND, began);
        assert_eq!(heartbeat.next(began), Beat::Wait(10 * SECOND));
        assert_eq!(heartbeat.next(began + 10 * SECOND), Beat::Ask);
        assert_eq!(heartbeat.next(began + 10 * SECOND), Beat::Wait(10 * SECOND));
        assert_eq!(heartbeat.next(began + 20 * SECOND), Beat::Lost);
        heartbeat.heard(began + 20 * SECOND);
        assert_eq!(heartbeat.next(began + 20 * SECOND), Beat::Wait(10 * SECOND));
    }

    #[test]
    fn a_server_that_answers_is_never_asked_too_often() {
        let began = Instant::now();
        for patience in [1, 1000, 4000, 10_999, 11_000, 60_000].map(Duration::from_millis) {
            let mut heartbeat = Heartbeat::new(patience, began);
            let (mut now, mut asked) = (began, Vec::new());
            while now < began + 120 * SECOND {
                match heartbeat.next(now) {
                    Beat::Ask => {
                        asked.push(now);
                        now += Duration::from_micros(100);
                        heartbeat.heard(now);
                    }
                    Beat::Wait(time) => now += time,
                    Beat::Lost => panic!("it answers"),
                }
            }
            assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= MIN_INTERVAL), "{patience:?}: {asked:?}");
            // However short the patience, one that falls silent is lost soon.
            let silent = now;
            loop {
                match heartbeat.next(now) {
                    Beat::Wait(time) => now += time,
                    Beat::Ask => {}
                    Beat::Lost => break,
                }
            }
            assert!(now - silent <= patience.max(MIN_INTERVAL + patience / 2), "{patience:?}: {:?}", now - silent);
        }
    }

    #[test]
    fn endless_patience_is_no_mistake() {
        let now = Instant::now();
        assert_eq!(Heartbeat::new(Duration::MAX, now).next(now), Beat::Wait(Duration::MAX / 2));
    }
}
