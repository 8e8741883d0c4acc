//! The checkers themselves: histories by hand that cannot be true, and such as can.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;

use crate::feeds::{self, Change, Feed, Item};
use crate::history::{Answer, Asked, Call, Listing, State, There, Value};
use crate::holders::{self, Hold};
use crate::linear::{self, Verdict};
use crate::registrations::{self, CLOSE, Look, PROMISE, Stay};

use Answer::{Found, NotCarriedOut, Refused, Unknown};
use Asked::{Cad, Cas, Create, Delete, Get, Set};

/// A call of this time.
fn call(began: u64, ended: u64, asked: Asked, answer: Answer) -> Call {
    Call { client: 0, key: 7, asked, answer, began, ended }
}

fn done(before: Option<Value>, index: u64) -> Answer {
    Answer::Done { before, index }
}

#[track_caller]
fn fits(calls: &[Call]) {
    assert_eq!(linear::check(calls), Verdict::Fits);
}

/// The part that shows it, in order of their beginnings.
#[track_caller]
fn does_not_fit(calls: &[Call]) -> Vec<Call> {
    match linear::check(calls) {
        Verdict::DoesNotFit(part) => part,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_happened_one_after_the_other_fits() {
    fits(&[]);
    fits(&[
        call(0, 1, Get, Found(None)),
        call(2, 3, Set(1), done(None, 5)),
        call(4, 5, Get, Found(Some(1))),
        call(6, 7, Create(2), Refused(There::Something)),
        call(8, 9, Cas { from: 1, to: 3 }, done(Some(1), 6)),
        call(10, 11, Cas { from: 1, to: 4 }, Refused(There::This(3))),
        call(12, 13, Cad(3), done(Some(3), 7)),
        call(14, 15, Delete, Refused(There::Nothing)),
        call(16, 17, Create(5), done(None, 8)),
    ]);
}

#[test]
fn calls_at_the_same_time_fit_in_any_order() {
    // The read saw the second write before the first one, which had begun earlier.
    fits(&[
        call(0, 10, Set(1), done(Some(2), 6)),
        call(1, 9, Set(2), done(None, 5)),
        call(2, 3, Get, Found(Some(2))),
        call(11, 12, Get, Found(Some(1))),
    ]);
}

#[test]
fn a_stale_read_does_not_fit() {
    let stale = call(4, 5, Get, Found(Some(1)));
    let calls = [
        call(0, 1, Set(1), done(None, 5)),
        call(2, 3, Set(2), done(Some(1), 6)),
        stale,
        call(6, 7, Get, Found(Some(2))),
    ];
    let part = does_not_fit(&calls);
    assert!(part.contains(&stale) && part.len() == 3, "{part:?}");
    // While the second one is under way either may be read, but not the first one after the second.
    fits(&[calls[0], call(2, 8, Set(2), done(Some(1), 6)), stale]);
    does_not_fit(&[
        calls[0],
        call(2, 8, Set(2), done(Some(1), 6)),
        call(3, 4, Get, Found(Some(2))),
        call(5, 6, Get, Found(Some(1))),
    ]);
}

#[test]
fn a_lost_write_does_not_fit() {
    let lost = [call(0, 1, Set(1), done(None, 5)), call(2, 3, Get, Found(None))];
    does_not_fit(&lost);
    does_not_fit(&[call(0, 1, Set(1), done(None, 5)), call(2, 3, Set(2), done(None, 6))]);
    // A deletion that may have been done explains it.
    fits(&[lost[0], lost[1], call(0, 1, Delete, Unknown)]);
}

#[test]
fn a_cas_that_succeeded_twice_does_not_fit() {
    does_not_fit(&[
        call(0, 1, Set(1), done(None, 5)),
        call(2, 9, Cas { from: 1, to: 2 }, done(Some(1), 6)),
        call(2, 9, Cas { from: 1, to: 3 }, done(Some(1), 7)),
    ]);
    does_not_fit(&[call(0, 9, Create(1), done(None, 5)), call(0, 9, Create(2), done(None, 6))]);
}

#[test]
fn a_write_that_was_replayed_does_not_fit() {
    does_not_fit(&[
        call(0, 1, Set(1), done(None, 5)),
        call(2, 3, Set(2), done(Some(1), 6)),
        call(4, 5, Get, Found(Some(2))),
        call(6, 7, Get, Found(Some(1))),
    ]);
}

#[test]
fn what_was_said_not_to_be_carried_out_must_not_be_seen() {
    let read = call(4, 5, Get, Found(Some(2)));
    let write = |answer| call(2, 3, Set(2), answer);
    let first = call(0, 1, Set(1), done(None, 5));
    let part = does_not_fit(&[first, write(NotCarriedOut), read]);
    assert_eq!(part, [write(NotCarriedOut), read]);
    fits(&[first, write(Unknown), read]);
}

#[test]
fn what_is_unknown_may_happen_late_or_never_but_once() {
    let first = call(0, 1, Set(1), done(None, 5));
    let unknown = call(2, 3, Set(2), Unknown);
    fits(&[first, unknown, call(4, 5, Get, Found(Some(1)))]);
    fits(&[first, unknown, call(4, 5, Get, Found(Some(1))), call(600, 601, Get, Found(Some(2)))]);
    does_not_fit(&[
        first,
        unknown,
        call(4, 5, Get, Found(Some(2))),
        call(6, 7, Set(3), done(Some(2), 9)),
        call(8, 9, Get, Found(Some(2))),
    ]);
    // Not before it was asked for.
    does_not_fit(&[first, call(2, 3, Get, Found(Some(2))), call(4, 5, Set(2), Unknown)]);
    // One that needs another: a chain of what nobody was told.
    fits(&[
        first,
        call(2, 3, Cas { from: 1, to: 2 }, Unknown),
        call(2, 3, Cas { from: 2, to: 3 }, Unknown),
        call(4, 5, Get, Found(Some(3))),
    ]);
    does_not_fit(&[first, call(2, 3, Cas { from: 2, to: 3 }, Unknown), call(4, 5, Get, Found(Some(3)))]);
    // Something is there that nobody has seen, and is gone again.
    fits(&[
        call(0, 1, Set(1), Unknown),
        call(2, 3, Create(2), Refused(There::Something)),
        call(2, 3, Delete, Unknown),
        call(4, 5, Create(3), done(None, 9)),
    ]);
}

#[test]
fn many_of_unknown_outcome_are_no_riddle() {
    let mut calls = Vec::new();
    let mut there = None;
    for i in 0..300_u32 {
        let time = u64::from(i) * 10;
        calls.push(call(time, time + 1, Set(2 * i), Unknown));
        calls.push(call(time, time + 1, Delete, Unknown));
        calls.push(call(time + 2, time + 30, Set(2 * i + 1), done(there, u64::from(i))));
        there = Some(2 * i + 1);
    }
    fits(&calls);
    // A part, for each of its calls is tried without.
    calls.truncate(90);
    calls.push(call(5000, 5001, Get, Found(Some(1))));
    let part = does_not_fit(&calls);
    assert!(part.len() < calls.len(), "{}", part.len());
}

fn set(index: u64, value: Value, before: Option<Value>) -> Item {
    Item::Change(Change { index, key: 7, value: Some(value), before: Some(before) })
}

fn gap(after: u64, before: u64, there: Option<(Value, u64)>) -> Item {
    Item::Gap { after, before, there: there.into_iter().map(|there| (7, there)).collect::<BTreeMap<_, _>>() }
}

fn feeds<const N: usize>(items: [&[Item]; N]) -> Vec<Feed> {
    let feed = |(number, items): (usize, &&[Item])| Feed { name: format!("watch {number}"), items: items.to_vec() };
    items.iter().enumerate().map(feed).collect()
}

#[track_caller]
fn is_refused(calls: &[Call], feeds: &[Feed], why: &str) {
    let error = feeds::check(calls, &[], feeds, 5..=20).expect_err("it cannot be true");
    assert!(error.contains(why), "{error}");
}

#[test]
fn watches_that_deliver_all_or_tell_a_gap_are_right() {
    let calls = [
        call(0, 1, Set(1), done(None, 5)),
        call(2, 3, Set(2), done(Some(1), 6)),
        call(4, 5, Set(3), Unknown),
        call(4, 5, Set(4), Unknown),
    ];
    let [one, two, three] = [set(5, 1, None), set(6, 2, Some(1)), set(9, 3, Some(2))];
    let whole = [one.clone(), two.clone(), three.clone()];
    let seen =
        feeds::check(&calls, &[], &feeds([&whole, &[one.clone(), gap(5, 8, Some((2, 6))), three.clone()]]), 5..=20);
    let seen = seen.expect("it is true");
    assert_eq!((seen.changes.len(), seen.gaps, seen.late), (3, 1, 1));
    // What nobody saw.
    let after = [one, gap(5, 8, Some((2, 6))), three];
    feeds::check(&calls, &[], &feeds([&after, &after]), 5..=20).expect("it is true");
}

#[test]
fn watches_that_lose_repeat_or_invent_are_found() {
    let calls =
        [call(0, 1, Set(1), done(None, 5)), call(2, 3, Set(2), done(Some(1), 6)), call(4, 5, Set(3), done(Some(2), 7))];
    let all @ [one, two, three] = &[set(5, 1, None), set(6, 2, Some(1)), set(7, 3, Some(2))];
    let pick = |items: &[&Item]| Vec::from_iter(items.iter().map(|item| (*item).clone()));
    is_refused(&calls, &feeds([all, &pick(&[one, three])]), "was not delivered");
    is_refused(&calls, &feeds([all, &pick(&[one, two])]), "was not delivered");
    is_refused(&calls, &feeds([&pick(&[one, three]), &pick(&[one, three])]), "does not follow");
    is_refused(&calls, &feeds([&pick(&[one, two]), &pick(&[one, two])]), "no watch has it");
    is_refused(&calls, &feeds([all, &pick(&[one, two, two, three])]), "twice, or out of order");
    is_refused(&calls, &feeds([all, &pick(&[two, one, three])]), "twice, or out of order");
    is_refused(&calls, &feeds([all, &pick(&[one, &set(6, 9, Some(1)), three])]), "another watch has");
    is_refused(&calls, &feeds([all, &pick(&[one, &gap(5, 7, Some((1, 5))), three])]), "after which");
    is_refused(&calls, &feeds([all, &pick(&[one, &gap(5, 7, None), three])]), "does not show");
    is_refused(&calls, &feeds([all, &pick(&[one, two, &gap(5, 7, Some((2, 6))), three])]), "comes after");
}

#[test]
fn replies_that_are_not_what_happened_are_found() {
    let all = [set(5, 1, None), set(6, 2, Some(1)), set(7, 1, Some(2))];
    let first = call(0, 1, Set(1), done(None, 5));
    let second = |answer| call(2, 3, Set(2), answer);
    is_refused(&[first, second(done(Some(1), 6))], &feeds([&all]), "carried out twice");
    let all = &all[..2];
    feeds::check(&[first, second(done(Some(1), 6))], &[], &feeds([all]), 5..=20).expect("it is true");
    is_refused(&[first, second(NotCarriedOut)], &feeds([all]), "said not to be carried out, and it was");
    is_refused(&[first, second(Refused(There::Something))], &feeds([all]), "said not to be carried out, and it was");
    is_refused(&[first], &feeds([all]), "nobody wrote that");
    let deleted = [all[0].clone(), Item::Change(Change { index: 6, key: 7, value: None, before: Some(Some(1)) })];
    feeds::check(&[first, call(2, 3, Delete, Unknown)], &[], &feeds([&deleted]), 5..=20).expect("it is true");
    is_refused(&[first, call(2, 3, Delete, NotCarriedOut)], &feeds([&deleted]), "no call can have done");
    // The later one has the smaller index.
    let swapped = [call(2, 3, Set(1), done(None, 5)), call(0, 1, Set(2), done(Some(1), 6))];
    is_refused(&swapped, &feeds([all]), "was there before");
}

#[test]
fn listings_show_what_was_there_and_all_that_was_done() {
    let calls = [call(0, 1, Set(1), done(None, 5)), call(2, 9, Set(2), done(Some(1), 6))];
    let feeds = feeds([&[set(5, 1, None), set(6, 2, Some(1))]]);
    let check = |index, there: Option<(Value, u64)>, began| {
        let there = State::from_iter(there.map(|there| (7, there)));
        feeds::check(&calls, &[Listing { index, there, began, ended: began + 1 }], &feeds, 5..=20).map(drop)
    };
    let fails = |checked: Result<(), String>, why: &str| {
        let error = checked.expect_err("it cannot be true");
        assert!(error.contains(why), "{error}");
    };
    assert_eq!(check(5, Some((1, 5)), 3), Ok(()));
    assert_eq!(check(6, Some((2, 6)), 3), Ok(()));
    fails(check(6, Some((1, 5)), 3), "after which");
    fails(check(6, None, 3), "does not show");
    fails(check(5, Some((2, 6)), 3), "shows 7 at 6");
    fails(check(5, Some((1, 5)), 10), "6 was there before");
}

#[test]
fn two_holders_at_once_are_found() {
    let changes =
        [(5, 1), (6, 2), (7, 3)].map(|(index, value)| Change { index, key: 0, value: Some(value), before: None });
    let tokens = |of: [u64; 3]| move |value: Value| Some(of[value as usize - 1]);
    feeds::no_two_hold(&changes, tokens([10, 10, 20])).expect("one after the other");
    let error = feeds::no_two_hold(&changes, tokens([10, 20, 10])).expect_err("both at once");
    assert!(error.contains("the holder 10 comes after"), "{error}");
}

#[test]
fn two_who_were_holders_at_one_moment_are_found() {
    let hold = |token, began, ended| Hold { token, began, ended };
    let check = holders::no_two_at_once;
    assert_eq!(check(&[]), Ok(()));
    assert_eq!(check(&[hold(30, 9, 12), hold(10, 1, 4), hold(20, 5, 5)]), Ok(()));
    for later in [hold(20, 4, 8), hold(20, 2, 3), hold(5, 6, 8)] {
        let error = check(&[later, hold(10, 1, 4)]).expect_err("both at once, or in the wrong order");
        assert!(error.contains("still held the lock"), "{error}");
    }
}

#[test]
fn registrations_that_stay_missing_are_found() {
    const MS: u64 = 1_000_000;
    let (step, promise) = (CLOSE.as_millis() as u64 * 2 / 5, PROMISE.as_millis() as u64);
    let look = |at: u64, there: &[usize]| Look {
        there: there.iter().copied().collect(),
        began: at * MS,
        ended: (at + 1) * MS,
    };
    let all = 2 * promise / step;
    let looks = |there: &dyn Fn(u64) -> &'static [usize]| Vec::from_iter((1..all).map(|n| look(n * step, there(n))));
    let stay = |who, began: u64, ended: u64| Stay { who, began: began * MS, ended: ended * MS };
    let stays = [stay(1, 10, 20 * promise), stay(2, 10, 20 * promise)];
    let check = |stays: &[Stay], looks: &[Look]| registrations::none_stays_missing(stays, looks, CLOSE);
    let is_found = |stays: &[Stay], looks: &[Look]| {
        let error = check(stays, looks).expect_err("it is missing for too long");
        assert!(error.contains("registration 1 stayed missing"), "{error}");
    };

    assert_eq!(check(&stays, &[]), Ok(Duration::ZERO));
    assert_eq!(check(&stays, &looks(&|_| &[1, 2])), Ok(Duration::ZERO));
    is_found(&stays, &looks(&|_| &[2]));
    is_found(&stays, &Vec::from_iter(looks(&|_| &[2]).into_iter().rev()));
    // From when it was missing to when it was back, and as long as that is kept.
    let just_so = promise / step + 1;
    let missing = check(&stays, &looks(&|n| if n < 3 || n > just_so { &[1, 2] } else { &[2] })).expect("not for long");
    assert!(missing > PROMISE - 3 * CLOSE && missing <= PROMISE, "{missing:?}");
    is_found(&stays, &looks(&|n| if n < 3 || n > just_so + 3 { &[1, 2] } else { &[2] }));
    // Back for a moment.
    check(&stays, &looks(&|n| if n == all / 2 { &[1, 2] } else { &[2] })).expect("it was there");
    // Not registered, or not as yet.
    check(&stays[1..], &looks(&|_| &[2])).expect("it is not registered");
    check(&[stay(1, 10, promise), stay(1, promise + step, 2 * promise)], &looks(&|_| &[])).expect("it withdrew");
    // Nobody knows whether there was a quorum in between.
    let without = |gap: Range<u64>| Vec::from_iter((1..all).filter(|n| !gap.contains(n)).map(|n| look(n * step, &[2])));
    check(&stays, &without(all / 2..all / 2 + 2)).expect("there was none, perhaps");
    is_found(&stays, &without(all / 2..all / 2 + 1));
    // There was one all the time.
    registrations::none_stays_missing(&stays, &without(all / 2..all / 2 + 2), Duration::MAX)
        .expect_err("it is missing");
}

/// Whether calls fit, by trying everything: any order that their times allow, those of unknown outcome with and without.
fn fits_somehow(calls: &[Call], there: Option<Value>) -> bool {
    let is_known = |call: &&Call| !matches!(call.answer, Unknown | NotCarriedOut);
    let Some(horizon) = calls.iter().filter(is_known).map(|call| call.ended).min() else { return true };
    calls.iter().enumerate().filter(|(_, call)| call.began <= horizon && call.answer != NotCarriedOut).any(
        |(i, call)| {
            let after = if call.answer == Unknown { call.asked.effect(there) } else { call.step(there) };
            let others = [&calls[..i], &calls[i + 1..]].concat();
            after.is_some_and(|after| fits_somehow(&others, after))
        },
    )
}

#[test]
fn the_search_finds_what_trying_everything_finds() {
    let mut rng = Rng::with_seed(1);
    let mut counts = [0; 2];
    for _ in 0..20_000 {
        let count = rng.u32(1..7);
        let some = |rng: &mut Rng| Some(rng.u32(..count)).filter(|_| rng.usize(..4) > 0);
        let any = |i: u32, rng: &mut Rng| {
            let asked = match rng.usize(..8) {
                0 | 1 => Get,
                2 | 3 => Set(i),
                4 => Create(i),
                5 => Cas { from: rng.u32(..count), to: i },
                6 => Delete,
                _ => Cad(rng.u32(..count)),
            };
            let answer = match (asked, rng.usize(..10)) {
                (Get, _) => Found(some(rng)),
                (_, 0..4) => Unknown,
                (_, 4) => NotCarriedOut,
                (Set(_), _) | (_, 5..8) => done(asked.wanted().or(some(rng)), 1),
                (_, 8) => Refused(There::Something),
                _ => Refused(some(rng).map_or(There::Nothing, There::This)),
            };
            let began = rng.u64(..12);
            call(began, began + rng.u64(1..8), asked, answer)
        };
        let calls = Vec::from_iter((0..count).map(|i| any(i, &mut rng)));
        let fits = fits_somehow(&calls, None);
        counts[usize::from(fits)] += 1;
        match linear::check(&calls) {
            Verdict::Fits => assert!(fits, "{calls:#?}"),
            Verdict::DoesNotFit(part) => {
                assert!(!fits, "{calls:#?}");
                assert!(!fits_somehow(&part, None), "the part of {calls:#?} fits: {part:#?}");
            }
            Verdict::Undecided => panic!("{calls:#?}"),
        }
    }
    assert!(counts.iter().all(|count| *count > 2000), "{counts:?}");
}
