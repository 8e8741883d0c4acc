//! Where the worker of a watch is that has no thread of its own: with one thread at a time, or parked.

use super::helpers::Ticket;
use super::worker::Worker;
use crate::base::locks::{Mutex, MutexGuard};

#[derive(Default)]
pub struct Place(Mutex<Stage>);

#[derive(Default)]
enum Stage {
    /// With its own thread, not there yet, or gone for good.
    #[default]
    Away,
    /// A thread is at it.
    Busy { again: bool },
    /// With a ticket: until a helper comes.
    Parked(Box<Worker>, Option<Ticket>),
}

/// What became of a worker that was given back.
pub enum Left {
    /// Something has happened meanwhile: it is to look once more.
    Again(Box<Worker>),
    Parked,
    /// The watch is over.
    Over(Box<Worker>),
}

impl Place {
    /// The first time.
    pub fn put(&self, worker: Box<Worker>) {
        *self.lock() = Stage::Parked(worker, None);
    }

    /// The worker, which no other thread has until it is given back. One that has it looks once more. What waits for a
    /// helper is had `by_any_means` only.
    pub fn take(&self, by_any_means: bool) -> Option<(Box<Worker>, Option<Ticket>)> {
        let mut stage = self.lock();
        match &mut *stage {
            Stage::Away => None,
            Stage::Busy { again } => {
                *again = true;
                None
            }
            Stage::Parked(_, Some(_)) if !by_any_means => None,
            Stage::Parked(..) => match std::mem::replace(&mut *stage, Stage::Busy { again: false }) {
                Stage::Parked(worker, ticket) => Some((worker, ticket)),
                _ => None,
            },
        }
    }

    /// Whoever stops a watch does so before he comes here for its worker: so `is_over`, which is asked under the lock, is
    /// true, or he finds it parked.
    pub fn give_back(&self, worker: Box<Worker>, ticket: Option<Ticket>, is_over: impl FnOnce() -> bool) -> Left {
        let mut stage = self.lock();
        if is_over() {
            *stage = Stage::Away;
            return Left::Over(worker);
        }
        if ticket.is_none() && matches!(*stage, Stage::Busy { again: true }) {
            *stage = Stage::Busy { again: false };
            return Left::Again(worker);
        }
        *stage = Stage::Parked(worker, ticket);
        Left::Parked
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{EventSource, Next};
    use crate::net::{Backoff, Deadline};
    use crate::watch::worker::Nobody;

    struct Silent;

    impl EventSource for Silent {
        fn name(&self) -> String {
            String::new()
        }

        fn next(&mut self) -> Next {
            Next::Idle
        }
    }

    fn parked() -> Place {
        let place = Place::default();
        assert!(place.take(true).is_none(), "nobody has put it there");
        let backoff = Backoff::new(std::time::Duration::ZERO);
        let (source, receiver) = (Box::new(Silent), Box::new(Nobody));
        place.put(Box::new(Worker { source, receiver, backoff, once: false, in_trouble: false }));
        place
    }

    #[test]
    fn one_thread_has_it_at_a_time_and_looks_again_for_the_others() {
        let place = parked();
        let (worker, _) = place.take(false).unwrap();
        assert!(place.take(false).is_none() && place.take(true).is_none());
        let Left::Again(worker) = place.give_back(worker, None, || false) else { panic!("somebody came") };
        assert!(matches!(place.give_back(worker, None, || false), Left::Parked));
        let (worker, _) = place.take(false).unwrap();
        assert!(matches!(place.give_back(worker, None, || true), Left::Over(_)));
        assert!(place.take(true).is_none(), "it is over");
    }

    #[test]
    fn what_waits_for_a_helper_is_left_to_him_and_to_its_end() {
        let place = parked();
        let ticket = (Deadline::now(), 1);
        let (worker, _) = place.take(false).unwrap();
        assert!(place.take(false).is_none());
        assert!(matches!(place.give_back(worker, Some(ticket), || false), Left::Parked), "he will look");
        assert!(place.take(false).is_none());
        assert_eq!(place.take(true).map(|(_, ticket)| ticket), Some(Some(ticket)));
    }
}
