//! Servers that lie, over v2 and v3: no crash, no call that outlasts its deadline, no bug's error, no invalid JSON, and
//! nothing that grows.

use std::time::Instant;

use support::PATIENCE;
use support::etcd::Etcd;
use support::liar::Liar;
use support::version::Version;

use crate::torture::{Torture, seed, wanted};

#[test]
fn clients_bear_servers_that_lie() {
    let (liars, started, most) = (Liars::start(1), Instant::now(), 5 * PATIENCE);
    let have_lied = || liars.0.iter().all(|(liar, _)| liar.told().1 >= 60);
    Torture::plain().play_until("lies", 1, &liars.endpoints(), || have_lied() || started.elapsed() > most);
    assert!(have_lied(), "each of them tells 60 lies in {most:?}");
}

#[test]
#[ignore = "make lies runs it"]
fn for_long_under_the_address_sanitizer() {
    for_long("the address sanitizer", &Torture::sanitized(), 1);
}

#[test]
#[ignore = "make lies runs it"]
fn for_long_under_valgrind() {
    for_long("valgrind", &Torture::under_valgrind(), 50);
}

#[test]
#[ignore = "make lies runs it"]
fn for_long_without_a_tool() {
    for_long("no tool", &Torture::plain(), 5);
}

/// Until one in `share` of the answers that are wanted has been given.
fn for_long(tool: &str, torture: &Torture, share: usize) {
    let (seed, wanted) = (seed("LIES_SEED"), wanted("LIES_ANSWERS", 100_000) / share);
    let liars = Liars::start(seed);
    let said = torture.play_until("lies", seed, &liars.endpoints(), || liars.answers() >= wanted);
    for (liar, etcd) in &liars.0 {
        let (answers, lies) = liar.told();
        println!("{etcd}: {lies} lies in {answers} answers");
    }
    println!("under {tool}: {said}");
}

/// Each in front of a server that takes it for its own address, so that clients are never led around it.
struct Liars([(Liar, Etcd); 3]);

impl Liars {
    fn start(seed: u64) -> Liars {
        Liars([Version::V3_4, Version::V3_5, Version::V3_6].map(|version| {
            let liar = Liar::new(seed);
            let etcd = Etcd::start_with(version, &["--advertise-client-urls", &liar.url()]);
            liar.turn_to(etcd.port());
            (liar, etcd)
        }))
    }

    fn endpoints(&self) -> Vec<String> {
        self.0.iter().map(|(liar, _)| liar.url()).collect()
    }

    fn answers(&self) -> usize {
        self.0.iter().map(|(liar, _)| liar.told().0).sum()
    }
}
