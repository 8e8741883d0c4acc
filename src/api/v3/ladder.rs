//! How much of the tree's rules a call may check, where a role does not allow all of it.
//!
//! A condition counts as a read of what it compares, so a role that may use `/app/` alone is refused a transaction that
//! looks whether `/app` holds a value. Such a call goes on with fewer conditions, one step at a time; what was found is
//! remembered for the directory, so that the next call there is not refused first.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::errors::Refused;
use super::memory::Memory;
use super::tree::Place;
use crate::base::error::Error;

/// Each checks less than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    /// All the tree's rules.
    Whole,
    /// Whether a directory above is a key with a value is left open.
    NoAncestors,
    /// Whether the key is a directory, too.
    NoDirectory,
    /// The role may only write: the key itself is not read either, so the former state stays unknown.
    Blind,
}

pub struct Ladder {
    highest: Rung,
    found: Memory<HashMap<Vec<u8>, (Rung, Instant)>>,
}

/// A role that may read more from now on is noticed by then.
const KEPT_FOR: Duration = Duration::from_secs(600);
const MAX_KEPT: usize = 1024;

impl Rung {
    const ALL: [Rung; 4] = [Rung::Whole, Rung::NoAncestors, Rung::NoDirectory, Rung::Blind];

    pub fn checks_ancestors(self) -> bool {
        self < Rung::NoAncestors
    }

    pub fn checks_directory(self) -> bool {
        self < Rung::NoDirectory
    }

    pub fn sees_previous(self) -> bool {
        self < Rung::Blind
    }
}

impl Ladder {
    /// Without `strict` no rule of the tree is checked, whatever the role allows.
    pub fn new(strict: bool) -> Ladder {
        let highest = if strict { Rung::Whole } else { Rung::NoDirectory };
        Ladder { highest, found: Memory::default() }
    }

    /// Whether the tree's rules are to be checked at all.
    pub fn is_strict(&self) -> bool {
        self.highest == Rung::Whole
    }

    /// Carries out an attempt on the highest rung that the role allows, down to `lowest`.
    pub fn descend<T>(
        &self,
        place: &Place,
        lowest: Rung,
        mut attempt: impl FnMut(Rung) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let directory = place.key.rsplitn(2, |byte| *byte == b'/').nth(1).unwrap_or_default();
        let start = self.remembered(directory).min(lowest);
        let differs = |rung: &Rung| *rung != Rung::NoAncestors || !place.ancestors.is_empty() || *rung == start;
        let rungs = Rung::ALL.into_iter().filter(|rung| (start..=lowest).contains(rung)).filter(differs);
        let mut denied = None;
        for rung in rungs {
            match attempt(rung) {
                Err(refused) if refused.is_denied() => denied = denied.or(Some(refused)),
                done => {
                    if rung > start && is_answer(&done) {
                        self.remember(directory, rung);
                    }
                    return done;
                }
            }
        }
        Err(denied.expect("there is one rung at least, and every one was denied"))
    }

    fn remembered(&self, directory: &[u8]) -> Rung {
        let found = self.found.with(|found| found.get(directory).copied());
        found.filter(|(_, since)| since.elapsed() < KEPT_FOR).map_or(self.highest, |(rung, _)| rung)
    }

    fn remember(&self, directory: &[u8], rung: Rung) {
        self.found.with(|found| {
            if found.len() >= MAX_KEPT {
                found.clear();
            }
            found.insert(directory.to_vec(), (rung, Instant::now()));
        });
    }
}

/// Whether the server has carried it out, or refused it for what it found.
fn is_answer<T>(outcome: &Result<T, Refused>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(Refused::Failed(Error { code, .. })) => *code < 1000,
        Err(Refused::By(..)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::Tree;
    use super::*;
    use crate::base::effect::Effect;
    use crate::grpc::Status;
    use crate::operation::Key;

    fn denied<T>() -> Result<T, Refused> {
        Err(Refused::By(Status { code: 7, message: "etcdserver: permission denied".into() }, Effect::Write))
    }

    fn place(key: &str) -> Place {
        Tree::new("/").place(&Key::parse(key).unwrap())
    }

    /// The rungs that were tried, of which `allowed` and all below are allowed.
    fn tried(ladder: &Ladder, key: &str, allowed: Rung, lowest: Rung) -> (bool, Vec<Rung>) {
        let mut tried = Vec::new();
        let outcome = ladder.descend(&place(key), lowest, |rung| {
            tried.push(rung);
            if rung >= allowed { Ok(()) } else { denied() }
        });
        (outcome.is_ok(), tried)
    }

    #[test]
    fn what_a_role_allows_is_found_once_and_remembered_for_the_directory() {
        use Rung::*;
        let ladder = Ladder::new(true);
        assert_eq!(tried(&ladder, "/a/b", Whole, Blind), (true, vec![Whole]));
        assert_eq!(tried(&ladder, "/a/b", Blind, Blind), (true, vec![Whole, NoAncestors, NoDirectory, Blind]));
        assert_eq!(tried(&ladder, "/a/c", Blind, Blind), (true, vec![Blind]));
        assert_eq!(tried(&ladder, "/a/c", Whole, NoDirectory), (true, vec![NoDirectory]), "as far as the call may go");
        assert_eq!(tried(&ladder, "/b/c", Whole, Blind), (true, vec![Whole]), "another directory");
        assert_eq!(tried(&ladder, "/b", Blind, Blind), (true, vec![Whole, NoDirectory, Blind]), "it has no ancestors");
    }

    #[test]
    fn what_is_not_allowed_at_all_is_no_reason_to_check_less() {
        use Rung::*;
        let ladder = Ladder::new(true);
        let mut attempts = 0;
        let outcome = ladder.descend(&place("/a/b"), NoDirectory, |_| {
            attempts += 1;
            denied::<()>()
        });
        assert!(outcome.unwrap_err().is_denied() && attempts == 3);
        assert_eq!(tried(&ladder, "/a/b", Whole, Blind), (true, vec![Whole]));
    }

    #[test]
    fn a_call_without_an_answer_teaches_nothing() {
        let ladder = Ladder::new(true);
        let outcome: Result<(), _> = ladder.descend(&place("/a/b"), Rung::Blind, |rung| match rung {
            Rung::Whole => denied(),
            _ => Err(Error::outcome_unknown("lost").into()),
        });
        assert!(matches!(outcome, Err(Refused::Failed(Error { code: 1004, .. }))));
        assert_eq!(tried(&ladder, "/a/b", Rung::Whole, Rung::Blind).1, [Rung::Whole]);
    }

    #[test]
    fn a_tree_that_is_not_strict_begins_lower() {
        assert_eq!(tried(&Ladder::new(false), "/a/b", Rung::Whole, Rung::Blind).1, [Rung::NoDirectory]);
    }
}
