//! `make test` runs a part of the tests, `make check` all.

use std::collections::BTreeSet;

use support::toolchain::{make, read, run};

#[test]
fn make_check_leaves_no_test_out() {
    // Whichever Cargo it is that runs this.
    let commands = run(make("check").args(["-n", "CARGO=cargo"]));
    let tests: Vec<&str> = commands.lines().filter(|line| line.contains("cargo test")).collect();
    assert_eq!(tests, ["cargo test --workspace --no-fail-fast"]);
    assert!(commands.lines().any(|line| line == "tests/setup.sh"), "{commands}");
    assert!(commands.contains("RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps"), "{commands}");
    assert!(read(".ci/run").lines().any(|line| line == "make check"));
}

#[test]
fn make_test_leaves_out_what_the_makefile_lists() {
    let commands = run(make("test").arg("-n"));
    let words = || commands.split_whitespace().zip(commands.split_whitespace().skip(1));
    let after =
        |option: &str| words().filter(|(word, _)| *word == option).map(|(_, name)| name).collect::<BTreeSet<_>>();
    let makefile = read("Makefile");
    let list = makefile.lines().find_map(|line| line.strip_prefix("SLOW_TESTS = ")).expect("the list");
    let slow: BTreeSet<&str> = list.split(' ').collect();

    let run_by_it = after("--test");
    assert!(run_by_it.contains("api") && run_by_it.contains("repository"), "{run_by_it:?}");
    assert!(run_by_it.is_disjoint(&slow), "{run_by_it:?}");
    let all: BTreeSet<String> = std::fs::read_dir("tests")
        .expect("we run in the project's folder")
        .filter_map(|entry| {
            let path = entry.expect("it is listed").path();
            let is_test = path.extension().is_some_and(|ending| ending == "rs") || path.join("main.rs").is_file();
            is_test.then(|| path.file_stem().expect("it has a name").to_string_lossy().into_owned())
        })
        .collect();
    assert_eq!(run_by_it.union(&slow).map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(), all);
    assert!(after("--skip").contains("languages::julia") && !after("--skip").contains("languages::python"));
}
