//! Pauses between tries: longer each time, and not the same for all clients that lost the same server.

use std::time::Duration;

pub struct Backoff {
    next: Duration,
    max: Duration,
}

const FIRST: Duration = Duration::from_millis(50);

impl Backoff {
    pub fn new(max: Duration) -> Backoff {
        Backoff { next: FIRST, max }
    }

    /// The pause to make now. `random` is from 0 to 1 and takes off up to a half.
    pub fn pause(&mut self, random: f64) -> Duration {
        let pause = self.next.min(self.max);
        self.next = (pause * 2).min(self.max);
        pause.mul_f64(1.0 - 0.5 * random)
    }

    /// Begins anew, after a success.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_millis(300));
        let pauses: Vec<_> = (0..5).map(|_| backoff.pause(0.0).as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 300, 300]);
        backoff.reset();
        assert_eq!(backoff.pause(1.0).as_millis(), 25);
        assert_eq!(Backoff::new(Duration::ZERO).pause(0.5), Duration::ZERO);
    }
}
