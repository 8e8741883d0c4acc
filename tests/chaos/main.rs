//! Whether results are true while members of clusters come and go, and whether a process stays as it is for hours.
//!
//! Quorum reads and writes must be linearizable, an error that says that nothing was carried out must be true, watches must
//! deliver each change once and in order or tell a gap, what a lock's holder does must end before the next one begins, at no
//! moment may two be holders, and no registration may stay missing while there is a quorum.
//! Only what is false fails: that a cluster does not answer is no error here.

mod checked;
mod clients;
mod faults;
mod feeds;
mod history;
mod holders;
mod linear;
mod registrations;
mod run;
mod soak;
mod watches;

use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use support::version::Version;

use self::clients::Wrong;
use self::run::{Faults, Plan, run};

/// Versions whose own answers are true. Of 3.5 the tests have 3.5.1: up to 3.5.2 a member that is killed may come back with
/// other data than the others (https://github.com/etcd-io/etcd/issues/13766).
const WITH_V2: [Version; 1] = [Version::V3_4];
const WITH_V3: [Version; 2] = [Version::V3_7, Version::V3_6];

/// How long one cluster is disturbed, before its history is looked at and another one takes its place.
const TURN: Duration = Duration::from_secs(100);
const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_secs(12);

/// How long something lasts, if the environment says so.
fn seconds(name: &str) -> Option<Duration> {
    Some(Duration::from_secs(number(name)?))
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

/// The seed, which is printed.
fn seed() -> u64 {
    let seed = number("CHAOS_SEED").unwrap_or_else(|| Rng::new().u64(..1 << 32));
    println!("CHAOS_SEED={seed}");
    seed
}

#[test]
fn results_over_v2_are_true_while_members_come_and_go() {
    let [version] = WITH_V2;
    run(Plan { version, api: "v2", time: SHORT, seed: seed(), faults: Faults::Short, wrong: None }).is_true();
}

#[test]
fn results_over_v3_are_true_while_members_come_and_go() {
    let [version, _] = WITH_V3;
    run(Plan { version, api: "v3", time: SHORT, seed: seed(), faults: Faults::Short, wrong: None }).is_true();
}

#[test]
#[ignore = "make chaos runs it"]
fn results_are_true_for_long() {
    let (time, seed) = (seconds("CHAOS_SECONDS").unwrap_or(LONG), seed());
    thread::scope(|scope| {
        for (api, versions) in [("v2", &WITH_V2[..]), ("v3", &WITH_V3)] {
            scope.spawn(move || {
                let began = Instant::now();
                for turn in 0.. {
                    let left = time.saturating_sub(began.elapsed());
                    if left.is_zero() {
                        break;
                    }
                    let (version, seed) = (versions[turn % versions.len()], seed + turn as u64);
                    run(Plan { version, api, time: left.min(TURN), seed, faults: Faults::All, wrong: None }).is_true();
                }
            });
        }
    });
}

#[test]
fn a_client_that_is_wrong_on_purpose_is_found() {
    let version = Version::V3_6;
    let run = |time, seed, wrong| run(Plan { version, api: "v3", time, seed, faults: Faults::None, wrong }).judge();
    let found = |seed, wrong| run(Duration::from_secs(1), seed, wrong);
    let all = [
        (Wrong::Replay, "are not linearizable|carried out twice"),
        (Wrong::Deny, "are not linearizable|said not to be carried out, and it was"),
        (Wrong::Stale, "are not linearizable"),
        (Wrong::Drop, "was not delivered"),
        (Wrong::Intrude, "comes after"),
        (Wrong::Linger, "still held the lock"),
    ];
    for (wrong, reasons) in all {
        // On a busy machine it may do too little in a second to do any of it wrong.
        let untrue = (0..20).find_map(|seed| found(seed, Some(wrong)).err()).expect("it is wrong");
        assert!(reasons.split('|').any(|reason| untrue.what.contains(reason)), "{wrong:?}: {}", untrue.what);
    }
    let missing = |seed| run(registrations::PROMISE + Duration::from_secs(3), seed, Some(Wrong::Vanish)).err();
    let untrue = (0..20).find_map(missing).expect("nobody registers anew");
    assert!(untrue.what.contains("stayed missing"), "{}", untrue.what);
    found(0, None).unwrap_or_else(|untrue| panic!("{untrue:?}"));
}
