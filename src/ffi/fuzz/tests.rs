//! The targets on their seeds, and on what is near those.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::TARGETS;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files = Vec::from_iter(entries.map(|entry| entry.expect("a file").path()));
    files.sort();
    files
}

/// Runs a target; what it says of an input is told together with that.
#[track_caller]
fn run(target: fn(&[u8]), input: &[u8], of: &Path) {
    if catch_unwind(AssertUnwindSafe(|| target(input))).is_err() {
        panic!("{}, changed to {:?}", of.display(), input.escape_ascii().to_string());
    }
}

/// So many changes of each seed: more take time, and are what `make fuzz` is for.
const CHANGES: usize = if cfg!(miri) { 1 } else { 64 };

#[test]
fn every_seed_and_what_is_near_it_is_read() {
    for (name, target) in TARGETS {
        let seeds = files(&folder("seeds").join(name));
        assert!(!seeds.is_empty(), "{name} has seeds");
        for path in seeds {
            let seed = fs::read(&path).expect("a seed");
            // Larger ones take Miri minutes each.
            if cfg!(miri) && seed.len() > 1000 {
                continue;
            }
            run(*target, &seed, &path);
            for at in (0..seed.len()).step_by((seed.len() / CHANGES).max(1)) {
                run(*target, &seed[..at], &path);
                let mut changed = seed.clone();
                changed[at] ^= 1 << (at % 8);
                run(*target, &changed, &path);
            }
        }
    }
}

#[test]
fn every_target_has_its_program_and_no_program_is_without_one() {
    let targets = BTreeSet::from_iter(TARGETS.iter().map(|(name, _)| (*name).to_owned()));
    let stem = |path: &PathBuf| path.file_stem().and_then(|stem| stem.to_str()).expect("ASCII").to_owned();
    assert_eq!(BTreeSet::from_iter(files(&folder("targets")).iter().map(stem)), targets);
    assert_eq!(BTreeSet::from_iter(files(&folder("seeds")).iter().map(stem)), targets);
    let manifest = fs::read_to_string(folder("Cargo.toml")).expect("the manifest");
    for name in targets {
        let program = format!("name = \"{name}\"\npath = \"targets/{name}.rs\"\n");
        assert!(manifest.contains(&program), "{name} is not in fuzz/Cargo.toml");
    }
}
