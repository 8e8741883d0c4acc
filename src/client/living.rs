//! What a client has begun and may have to end: watches, derived clients. Whoever has them keeps them alive.

use crate::base::locks::{Arc, Weak};

/// Those that are still alive. The dead are cleared away each time their number may have doubled, so that each costs the
/// same however many there are.
pub struct Living<T> {
    all: Vec<Weak<T>>,
    clear_at: usize,
}

const LEAST: usize = 16;

impl<T> Living<T> {
    pub fn add(&mut self, one: &Arc<T>) {
        if self.all.len() >= self.clear_at {
            self.all.retain(|one| one.strong_count() > 0);
            self.clear_at = (2 * self.all.len()).max(LEAST);
        }
        self.all.push(Arc::downgrade(one));
    }

    pub fn all(&self) -> Vec<Arc<T>> {
        self.all.iter().filter_map(Weak::upgrade).collect()
    }
}

impl<T> Default for Living<T> {
    fn default() -> Living<T> {
        Living { all: Vec::new(), clear_at: LEAST }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dead_are_cleared_away_and_the_living_are_not() {
        let mut living = Living::default();
        let kept = Vec::from_iter((0..100).map(Arc::new));
        kept.iter().for_each(|one| living.add(one));
        for i in 0..10_000 {
            living.add(&Arc::new(i));
            assert!(living.all.len() <= 2 * kept.len());
        }
        assert_eq!(living.all().iter().map(|one| **one).collect::<Vec<_>>(), Vec::from_iter(0..100));
    }
}
