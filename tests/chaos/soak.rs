//! A process that does everything for hours, while members of its clusters are killed and frozen: `make soak`. Memory,
//! descriptors and threads must be flat at the end.

mod curve;
mod load;

use std::fs::{self, File};
use std::io::Write;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use support::cluster::Cluster;
use support::toolchain::target_dir;
use support::version::Version;
use support::wait::Ends;

use self::curve::Sample;
use self::load::Counts;
use crate::seconds;

const HOURS: Duration = Duration::from_secs(2 * 60 * 60);
const BETWEEN_SAMPLES: Duration = Duration::from_secs(5);
/// So that a server's data stay small over hours.
const SMALL: [&str; 7] = [
    "--snapshot-count=2000",
    "--max-wals=2",
    "--max-snapshots=2",
    "--auto-compaction-mode=periodic",
    "--auto-compaction-retention=1m",
    "--quota-backend-bytes=268435456",
    "--election-timeout=2000",
];

#[test]
#[ignore = "make soak runs it"]
fn memory_descriptors_and_threads_are_flat_after_hours() {
    let time = seconds("SOAK_SECONDS").unwrap_or(HOURS);
    let clusters = [(Version::V3_4, "v2"), (Version::V3_7, "v3")]
        .map(|(version, api)| (Cluster::start_with(version, 3, &SMALL[..]), api));
    let folder = target_dir().join("soak");
    fs::create_dir_all(&folder).expect("the target folder is ours");
    let mut table = File::create(folder.join("soak.csv")).expect("the folder is ours");
    writeln!(table, "{}", Sample::HEAD).expect("there is room");

    let (is_over, counts) = (&AtomicBool::new(false), &Counts::default());
    let (mut samples, began) = (Vec::new(), Instant::now());
    thread::scope(|scope| {
        let _ends = Ends(is_over);
        for (cluster, api) in &clusters {
            load::begin(scope, api, &cluster.urls(), is_over, counts);
            scope.spawn(|| disturb(cluster, is_over));
        }
        while began.elapsed() < time {
            thread::sleep(BETWEEN_SAMPLES); // the samples' distance
            let sample = Sample::take(began.elapsed());
            writeln!(table, "{sample}").and_then(|()| table.flush()).expect("there is room");
            samples.push(sample);
        }
    });
    fs::write(folder.join("soak.svg"), curve::draw(&samples)).expect("the folder is ours");
    println!("{counts}");
    println!("{}", curve::summary(&samples));
    println!("the curve is {}", folder.join("soak.svg").display());
    curve::is_flat(&samples).unwrap_or_else(|error| panic!("{error}"));
    counts.all_happened();
}

/// Kills or freezes one member after the other, and lets it come back.
fn disturb(cluster: &Cluster, is_over: &AtomicBool) {
    let mut rng = Rng::new();
    while load::goes_on(is_over, Duration::from_secs(rng.u64(8..20))) {
        let member = &cluster.members[rng.usize(..cluster.members.len())];
        let is_killed = rng.bool();
        if is_killed {
            member.kill()
        } else {
            member.freeze()
        }
        load::goes_on(is_over, Duration::from_secs(rng.u64(1..8)));
        if is_killed { member.restart_alone() } else { member.thaw() }
    }
}
