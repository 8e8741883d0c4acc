//! When a server is asked how far it is, and which of its answers count. No clock of its own.
//!
//! Servers before 3.4.25 and 3.5.8 answer while events of earlier revisions are still to come: they look at watches that
//! have to catch up every 100 ms. So an answer is believed when a later question is answered, too, and that question is
//! asked only after some time: two that wait together at a server that is busy, or frozen, are answered in one go.

use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub struct Progress {
    /// When the question was asked that has no answer yet.
    asked: Option<Instant>,
    answered: Option<Instant>,
}

/// Ten times as long as a server needs to begin to let a watch catch up.
const SETTLED: Duration = Duration::from_secs(1);
/// Later servers leave a question unanswered as long as a watch has to catch up.
const UNANSWERED: u32 = 5;

impl Progress {
    /// Whether to ask now; then it is asked.
    pub fn ask(&mut self, now: Instant, patience: Duration) -> bool {
        let pause = (patience / 2).max(SETTLED);
        let has_passed = |since: Option<Instant>, time| since.is_none_or(|since| now.duration_since(since) >= time);
        let is_due = match self.asked {
            Some(_) => has_passed(self.asked, pause * UNANSWERED),
            None => has_passed(self.answered, pause),
        };
        if is_due {
            self.asked = Some(now);
        }
        is_due
    }

    /// Whether an answer is one to a question of its own. Of two questions the first of which was given up, the answers
    /// may come together.
    pub fn is_answered(&mut self, now: Instant) -> bool {
        let is_asked = self.asked.take().is_some();
        if is_asked {
            self.answered = Some(now);
        }
        is_asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_waits_for_the_answer_before_and_some_time_after_it() {
        let (began, second) = (Instant::now(), Duration::from_secs(1));
        for (patience, pause) in [(second / 10, second), (20 * second, 10 * second)] {
            let mut progress = Progress::default();
            assert!(progress.ask(began, patience));
            assert!(!progress.ask(began + 4 * pause, patience), "the answer is to come");
            let answered = began + 4 * pause;
            assert!(progress.is_answered(answered));
            assert!(!progress.ask(answered + pause * 9 / 10, patience), "what was on its way may be so still");
            assert!(progress.ask(answered + pause, patience));
        }
    }

    #[test]
    fn a_question_without_an_answer_is_asked_again_and_answered_once() {
        let (began, second) = (Instant::now(), Duration::from_secs(1));
        let mut progress = Progress::default();
        assert!(progress.ask(began, second) && progress.ask(began + 5 * second, second));
        assert!(progress.is_answered(began + 6 * second));
        assert!(!progress.is_answered(began + 6 * second), "they waited at the server together");
    }
}
