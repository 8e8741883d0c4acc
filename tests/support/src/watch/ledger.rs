//! What was written against what was delivered.

use super::Event;
use crate::api::Reply;

/// Every change whose index is given was delivered, once and in order, or lies in the gap of a resync; and nothing in a
/// gap was delivered. Returns how many resyncs there were.
#[track_caller]
pub fn nothing_is_lost_silently(written: impl IntoIterator<Item = u64>, events: &[Event]) -> usize {
    let (resyncs, changes): (Vec<&Event>, Vec<&Event>) = events.iter().partition(|event| event.is_resync());
    let delivered: Vec<u64> = changes.iter().map(|event| event.index()).collect();
    assert!(delivered.is_sorted_by(|a, b| a < b), "twice, or out of order: {delivered:?}");
    let gaps: Vec<(u64, u64)> = resyncs.iter().map(|event| event.missed()).collect();
    let is_missed = |index: u64| gaps.iter().any(|(after, before)| (after + 1..*before).contains(&index));
    for index in written {
        let is_delivered = delivered.binary_search(&index).is_ok();
        assert!(
            is_delivered || is_missed(index),
            "{index} is lost: delivered {delivered:?}, told to be missing {gaps:?}"
        );
    }
    let both = delivered.iter().find(|index| is_missed(**index));
    assert_eq!(both, None, "delivered, and told to be missing: {gaps:?}");
    resyncs.len()
}

/// The index of a write.
#[track_caller]
pub fn index_of(reply: Reply) -> u64 {
    let reply = reply.ok();
    u64::try_from(reply.int("/node/modifiedIndex")).unwrap_or_else(|_| panic!("no index: {reply}"))
}
