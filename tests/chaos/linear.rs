//! Whether the calls on one key can have happened one after the other, each at a moment between its beginning and its
//! end: the search of Wing and Gong with Lowe's memory of what was tried.
//!
//! A call of unknown outcome may have happened at any moment after its beginning, or not at all. There may be many of
//! them, and each doubles what can be tried; so one is taken only where the very next call needs it: another order of the
//! same calls, or one without it, does as well everywhere else. (If the next call fits without it, it can come after that;
//! if the next one overwrites it unseen, or nothing comes after it, it can be left out.)

use std::collections::HashSet;

use crate::history::{Answer, Asked, Call, There, Value};

/// More than any history of a round has taken, by a factor of a thousand.
const STEPS: usize = 2_000_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Fits,
    /// These cannot have happened: the smallest part found.
    DoesNotFit(Vec<Call>),
    /// It takes too long to say.
    Undecided,
}

/// All calls are on one key, which is not there before.
pub fn check(calls: &[Call]) -> Verdict {
    match fits(calls) {
        Some(true) => Verdict::Fits,
        Some(false) => Verdict::DoesNotFit(smallest(calls)),
        None => Verdict::Undecided,
    }
}

/// A part of the calls that does not fit by itself: up to the first answer that is too much, without reads that are not
/// needed, and with what needs not be known for certain as unknown.
fn smallest(calls: &[Call]) -> Vec<Call> {
    let mut ends = Vec::from_iter(calls.iter().map(|call| call.ended));
    ends.sort_unstable();
    let first = ends.partition_point(|end| fits(&until(calls, *end)) != Some(false));
    let mut part = until(calls, ends[first.min(ends.len() - 1)]);
    for i in (0..part.len()).rev() {
        let mut less = part.clone();
        match less[i].answer {
            Answer::Done { .. } => less[i].answer = Answer::Unknown,
            Answer::Found(_) | Answer::Refused(_) => drop(less.remove(i)),
            Answer::Unknown | Answer::NotCarriedOut => continue,
        }
        if fits(&less) == Some(false) {
            part = less;
        }
    }
    let seen = seen(&part);
    let says_something = |call: &Call| !matches!(call.answer, Answer::Unknown | Answer::NotCarriedOut);
    part.retain(|call| says_something(call) || call.asked.value().is_none_or(|value| seen.contains(&value)));
    part
}

/// Values that an answer shows or a call wants.
fn seen(calls: &[Call]) -> HashSet<Value> {
    let of = |call: &Call| {
        let shown = match call.answer {
            Answer::Found(value) | Answer::Done { before: value, .. } => value,
            Answer::Refused(There::This(value)) => Some(value),
            _ => None,
        };
        [shown, call.asked.wanted()].into_iter().flatten()
    };
    calls.iter().flat_map(of).collect()
}

/// What was known at that moment.
fn until(calls: &[Call], end: u64) -> Vec<Call> {
    let begun = calls.iter().filter(|call| call.began <= end).map(|call| match call.ended <= end {
        true => *call,
        false => Call { answer: Answer::Unknown, ..*call },
    });
    begun.filter(|call| !(call.asked.is_read() && call.answer == Answer::Unknown)).collect()
}

/// None: it takes too long to say.
fn fits(calls: &[Call]) -> Option<bool> {
    let mut search = Search::new(calls);
    let mut stack = vec![search.moves(&Node::default())];
    let mut steps = 0;
    while let Some(moves) = stack.last_mut() {
        let Some(node) = moves.pop() else {
            stack.pop();
            continue;
        };
        if node.first == search.known.len() {
            return Some(true);
        }
        steps += 1;
        if steps > STEPS {
            return None;
        }
        if search.tried.insert(node.clone()) {
            stack.push(search.moves(&node));
        }
    }
    // Without a single call to place there is nothing that could not be placed.
    Some(search.known.is_empty())
}

struct Search {
    /// What has an answer that says something, as it began.
    known: Vec<Call>,
    /// What has none, as it began.
    unknown: Vec<Call>,
    /// Of the values that are not among these one is as good as another.
    seen: HashSet<Value>,
    tried: HashSet<Node>,
}

/// Which calls have been placed, and what is there after them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Node {
    there: Option<Value>,
    /// What was there before, if the last one placed was of unknown outcome: the next one must need it.
    needed_after: Option<Option<Value>>,
    /// The first of the known ones that is not placed.
    first: usize,
    /// Those placed after it.
    beyond: Vec<usize>,
    /// The unknown ones placed, in their order.
    used: Vec<usize>,
}

impl Search {
    fn new(calls: &[Call]) -> Search {
        let mut calls = calls.to_vec();
        calls.retain(|call| call.answer != Answer::NotCarriedOut);
        calls.sort_by_key(|call| call.began);
        let seen = seen(&calls);
        let (unknown, known) = calls.into_iter().partition(|call| call.answer == Answer::Unknown);
        Search { known, unknown, seen, tried: HashSet::new() }
    }

    /// What can come next; the best at the end.
    fn moves(&self, node: &Node) -> Vec<Node> {
        let (open, horizon) = self.open(node);
        let mut moves = Vec::new();
        for (number, call) in self.unknown.iter().enumerate() {
            if call.began > horizon {
                break;
            }
            if node.used.contains(&number) || !self.is_first_of_its_kind(node, number) {
                continue;
            }
            let Some(after) = needed(node, call.asked.effect(node.there), |there| call.asked.effect(there)) else {
                continue;
            };
            let is_needed = |effect: &dyn Fn(Option<Value>) -> Option<Option<Value>>| {
                effect(after).is_some() && effect(node.there).is_none()
            };
            let next = open.iter().any(|&known| is_needed(&|there| self.known[known].step(there)))
                || self.unknown.iter().any(|next| is_needed(&|there| next.asked.effect(there)));
            if next && after != node.there {
                let mut used = node.used.clone();
                used.push(number);
                used.sort_unstable();
                moves.push(Node { there: after, needed_after: Some(node.there), used, ..node.clone() });
            }
        }
        for &number in open.iter().rev() {
            let call = &self.known[number];
            if let Some(after) = needed(node, call.step(node.there), |there| call.step(there)) {
                moves.push(self.placed(node, number, after));
            }
        }
        moves
    }

    /// The known calls that may come next, as they ended, and until when one may begin to be among them.
    fn open(&self, node: &Node) -> (Vec<usize>, u64) {
        let (mut open, mut horizon) = (Vec::new(), u64::MAX);
        for number in node.first..self.known.len() {
            let call = &self.known[number];
            if call.began > horizon {
                break;
            }
            if !node.beyond.contains(&number) {
                horizon = horizon.min(call.ended);
                open.push(number);
            }
        }
        open.retain(|number| self.known[*number].began <= horizon);
        open.sort_by_key(|number| self.known[*number].ended);
        (open, horizon)
    }

    fn placed(&self, node: &Node, number: usize, there: Option<Value>) -> Node {
        let (mut first, mut beyond) = (node.first, node.beyond.clone());
        beyond.push(number);
        beyond.sort_unstable();
        while let Some(place) = beyond.iter().position(|beyond| *beyond == first) {
            beyond.remove(place);
            first += 1;
        }
        Node { there, needed_after: None, first, beyond, used: node.used.clone() }
    }

    /// Of calls that do the same, and whose value nobody has seen, one is enough.
    fn is_first_of_its_kind(&self, node: &Node, number: usize) -> bool {
        let kind = |asked: Asked| match asked {
            Asked::Delete => Some(0),
            Asked::Set(value) if !self.seen.contains(&value) => Some(1),
            _ => None,
        };
        let own = kind(self.unknown[number].asked);
        let mut earlier = (0..number).filter(|earlier| !node.used.contains(earlier));
        own.is_none() || !earlier.any(|earlier| kind(self.unknown[earlier].asked) == own)
    }
}

/// What is there afterwards, if that can come next, and needs what it must need.
fn needed(
    node: &Node,
    after: Option<Option<Value>>,
    effect: impl Fn(Option<Value>) -> Option<Option<Value>>,
) -> Option<Option<Value>> {
    let needs = node.needed_after.is_none_or(|before| effect(before).is_none());
    after.filter(|_| needs)
}
