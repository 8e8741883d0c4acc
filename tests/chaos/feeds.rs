//! Whether what watches delivered is what happened: each change once and in order, or told to be missing; whatever a reply
//! says was done is there, whatever it says was not done is not, and no write is there twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use crate::history::{Answer, Call, Listing, State, Value};

/// A change of one key, as an event tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub index: u64,
    pub key: usize,
    /// `None`: the key was deleted.
    pub value: Option<Value>,
    /// What was there before, if the event says so: over v3 it cannot once that is compacted.
    pub before: Option<Option<Value>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Change(Change),
    /// A resync: the indexes strictly between the two are unknown, and this is there, with the index of each key.
    Gap {
        after: u64,
        before: u64,
        there: State,
    },
}

/// All that one watch of all keys delivered, up to a last write that all of them saw.
#[derive(Debug, Clone)]
pub struct Feed {
    pub name: String,
    pub items: Vec<Item>,
}

/// What was looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// By all watches together, in their order.
    pub changes: Vec<Change>,
    pub gaps: usize,
    /// How many of unknown outcome were carried out.
    pub late: usize,
}

/// The feeds begin with the first of these indexes; nothing is known of what was before, and what comes after the last of
/// them need not be there.
pub fn check(calls: &[Call], listings: &[Listing], feeds: &[Feed], seen: RangeInclusive<u64>) -> Result<Seen, String> {
    let mut all = BTreeMap::new();
    for feed in feeds {
        collect(feed, &mut all)?;
    }
    for feed in feeds {
        nothing_is_lost_silently(feed, seen.clone(), &all)?;
    }
    let gaps = common_gaps(feeds);
    let is_in_gap = |index: u64| gaps.iter().any(|(after, before)| (after + 1..*before).contains(&index));
    let is_hidden = |index: u64| !seen.contains(&index) || is_in_gap(index);
    each_follows_the_one_before(&all, &gaps)?;
    let late = the_replies_are_true(calls, &all, &is_hidden)?;
    for listing in listings.iter().filter(|listing| seen.contains(&listing.index)) {
        is_as_it_was("a listing", listing.index + 1, &listing.there, &all)?;
    }
    indexes_follow_time(calls, listings)?;
    let gaps = feeds.iter().flat_map(|feed| &feed.items).filter(|item| matches!(item, Item::Gap { .. })).count();
    Ok(Seen { changes: all.into_values().collect(), gaps, late })
}

/// Each feed goes forward only, and no two tell differently of one index.
fn collect(feed: &Feed, all: &mut BTreeMap<u64, Change>) -> Result<(), String> {
    let mut last = 0;
    for item in &feed.items {
        match item {
            Item::Change(change) => {
                if change.index <= last {
                    return Err(format!("{}: {change:?} comes after index {last}: twice, or out of order", feed.name));
                }
                last = change.index;
                let known = all.entry(change.index).or_insert(*change);
                let before = known.before.or(change.before);
                if *known != (Change { before: known.before, ..*change }) || before != change.before.or(before) {
                    return Err(format!("{}: {change:?}, and another watch has {known:?}", feed.name));
                }
                known.before = before;
            }
            Item::Gap { after, before, .. } => {
                if *after < last {
                    return Err(format!("{}: a gap after {after} comes after index {last}", feed.name));
                }
                last = last.max(before.saturating_sub(1));
            }
        }
    }
    Ok(())
}

fn nothing_is_lost_silently(feed: &Feed, seen: RangeInclusive<u64>, all: &BTreeMap<u64, Change>) -> Result<(), String> {
    let (mut next, end) = (*seen.start(), seen.end().saturating_add(1));
    let (mut items, name) = (feed.items.iter(), &feed.name);
    loop {
        let item = items.next();
        let (until, and_then) = match item {
            Some(Item::Change(change)) => (change.index, change.index + 1),
            Some(Item::Gap { after, before, .. }) => (after + 1, *before),
            None => (end, end),
        };
        if let Some((_, lost)) = all.range(next..until.max(next)).next() {
            return Err(format!("{name}: {lost:?} was not delivered; another watch has it; then comes {item:?}"));
        }
        next = next.max(and_then);
        match item {
            Some(Item::Gap { before, there, .. }) => is_as_it_was(name, *before, there, all)?,
            Some(Item::Change(_)) => {}
            None => return Ok(()),
        }
    }
}

/// What a resync or a listing shows is what others saw come about before it, as far as they saw the last change of each key.
fn is_as_it_was(name: &str, before: u64, there: &State, all: &BTreeMap<u64, Change>) -> Result<(), String> {
    let mut last = BTreeMap::new();
    all.range(..before).for_each(|(_, change)| _ = last.insert(change.key, change));
    for (key, (value, index)) in there {
        match last.get(key) {
            Some(change) if change.index > *index => {
                return Err(format!(
                    "{name}: what was there before {before} shows {key} at {index}, after which {change:?}"
                ));
            }
            Some(change) if change.index == *index && change.value != Some(*value) => {
                return Err(format!(
                    "{name}: what was there before {before} shows {value} of {key}, which is {change:?}"
                ));
            }
            _ if *index >= before => {
                return Err(format!("{name}: what was there before {before} shows {key} at {index}"));
            }
            _ => {}
        }
    }
    let lost = last.values().find(|change| change.value.is_some() && !there.contains_key(&change.key));
    lost.map_or(Ok(()), |change| Err(format!("{name}: what was there before {before} does not show {change:?}")))
}

/// What no feed saw: the parts that the gaps of all of them have in common.
fn common_gaps(feeds: &[Feed]) -> Vec<(u64, u64)> {
    let of = |feed: &Feed| {
        let gaps = feed.items.iter().filter_map(|item| match item {
            Item::Gap { after, before, .. } => Some((*after, *before)),
            Item::Change(_) => None,
        });
        Vec::from_iter(gaps)
    };
    let Some((first, others)) = feeds.split_first() else { return Vec::new() };
    others.iter().fold(of(first), |common, feed| {
        let both = |(after, before): (u64, u64), (also_after, also_before): (u64, u64)| {
            let (after, before) = (after.max(also_after), before.min(also_before));
            (after + 1 < before).then_some((after, before))
        };
        common.iter().flat_map(|gap| of(feed).into_iter().filter_map(move |other| both(*gap, other))).collect()
    })
}

/// What each event says was there before is what the one before it made, unless that is in a gap.
fn each_follows_the_one_before(all: &BTreeMap<u64, Change>, gaps: &[(u64, u64)]) -> Result<(), String> {
    let mut last: HashMap<usize, &Change> = HashMap::new();
    for change in all.values() {
        let before = last.insert(change.key, change);
        let since = before.map_or(0, |before| before.index);
        let is_torn = gaps.iter().any(|(after, end)| (*after).max(since) + 1 < (*end).min(change.index));
        if !is_torn && change.before.is_some_and(|said| said != before.and_then(|before| before.value)) {
            return Err(format!("{change:?} does not follow {before:?}: something between them was not delivered"));
        }
    }
    Ok(())
}

/// How many of unknown outcome were carried out.
fn the_replies_are_true(
    calls: &[Call],
    all: &BTreeMap<u64, Change>,
    is_hidden: &impl Fn(u64) -> bool,
) -> Result<usize, String> {
    let mut done: HashMap<Value, Vec<&Change>> = HashMap::new();
    let mut deletions: BTreeMap<usize, BTreeSet<u64>> = BTreeMap::new();
    for change in all.values() {
        match change.value {
            Some(value) => done.entry(value).or_default().push(change),
            None => drop(deletions.entry(change.key).or_default().insert(change.index)),
        }
    }
    let mut late = 0;
    let mut unknown_deletions: HashMap<usize, usize> = HashMap::new();
    for call in calls.iter().filter(|call| !call.asked.is_read()) {
        let found = call.asked.value().and_then(|value| done.remove(&value)).unwrap_or_default();
        let is_there = |change: &&Change| change.key == call.key;
        if found.len() > 1 || !found.iter().all(is_there) {
            return Err(format!("carried out twice, or elsewhere: {found:?}: {call}"));
        }
        match call.answer {
            Answer::Done { index, .. } if is_hidden(index) => {}
            Answer::Done { index, .. } => {
                let mut deleted = || deletions.get_mut(&call.key).is_some_and(|deleted| deleted.remove(&index));
                if found.first().map_or_else(|| call.asked.deletes() && deleted(), |change| change.index == index) {
                    continue;
                }
                return Err(format!("said to be done, and no watch has it at {index}: {found:?}: {call}"));
            }
            Answer::Unknown if call.asked.deletes() => *unknown_deletions.entry(call.key).or_default() += 1,
            Answer::Unknown => late += found.len(),
            _ if found.is_empty() => {}
            _ => return Err(format!("said not to be carried out, and it was: {found:?}: {call}")),
        }
    }
    if let Some(changes) = done.values().next() {
        return Err(format!("nobody wrote that: {changes:?}"));
    }
    for (key, deleted) in deletions {
        late += deleted.len();
        if deleted.len() > unknown_deletions.get(&key).copied().unwrap_or(0) {
            return Err(format!("key {key} was deleted at {deleted:?}, and no call can have done all of it"));
        }
    }
    Ok(late)
}

/// A write has a larger index than all that had ended when it began, and a listing shows all of these.
fn indexes_follow_time(calls: &[Call], listings: &[Listing]) -> Result<(), String> {
    let writes = calls.iter().filter_map(|call| match call.answer {
        Answer::Done { index, .. } => Some((call.began, call.ended, index, true)),
        _ => None,
    });
    let reads = listings.iter().map(|listing| (listing.began, listing.ended, listing.index, false));
    let mut began = Vec::from_iter(writes.chain(reads));
    let mut ended = began.clone();
    began.sort_unstable_by_key(|(began, ..)| *began);
    ended.sort_unstable_by_key(|(_, ended, ..)| *ended);
    let (mut ended, mut largest) = (ended.into_iter().peekable(), 0);
    for (time, _, index, is_write) in began {
        while let Some((_, _, index, _)) = ended.next_if(|(_, end, ..)| *end < time) {
            largest = largest.max(index);
        }
        if largest > index || largest == index && is_write {
            let what = if is_write { "a write" } else { "a listing" };
            return Err(format!("{what} that began at {time} ns has index {index}: {largest} was there before"));
        }
    }
    Ok(())
}

/// A holder's writes end before a later holder's begin: by their indexes, for their times may overlap. `token` is of the
/// holder that made a write.
pub fn no_two_hold(changes: &[Change], token: impl Fn(Value) -> Option<u64>) -> Result<(), String> {
    let held = changes.iter().filter_map(|change| Some((change, token(change.value?)?)));
    let mut last = None;
    for (change, token) in held {
        if let Some((earlier, larger)) = last.filter(|(_, before)| *before > token) {
            return Err(format!("{change:?} of the holder {token} comes after {earlier:?} of {larger}"));
        }
        last = Some((change, token));
    }
    Ok(())
}
