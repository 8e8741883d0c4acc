//! The modules in `examples/` for other languages: each makes the same tour, with servers of both APIs and with one of v3
//! alone, and passes its own tests.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::UNIX_EPOCH;

use support::api::{ETCD_ERROR_KEY_NOT_FOUND, ETCD_RECURSIVE, Endpoint};
use support::cluster::{Cluster, STEADY};
use support::etcd::Etcd;
use support::scratch::Folder;
use support::toolchain::{ROOT, blocks, command, make, output, printed, read, run, target_dir};
use support::version::Version;
use support::{PATIENCE, wait_until};

#[test]
fn cpp() {
    makes_the_tour("cpp"); // `cpp` has its tests
}

#[test]
fn go() {
    makes_the_tour("go");
    passes_its_tests("go");
}

#[test]
fn julia() {
    makes_the_tour("julia");
    passes_its_tests("julia");
}

#[test]
fn lua() {
    makes_the_tour("lua");
    passes_its_tests("lua");
}

#[test]
fn node() {
    makes_the_tour("node");
    passes_its_tests("node");
}

#[test]
fn perl() {
    makes_the_tour("perl");
    passes_its_tests("perl");
}

#[test]
fn php() {
    makes_the_tour("php");
    passes_its_tests("php");
}

#[test]
fn python() {
    makes_the_tour("python");
    passes_its_tests("python");
}

/// Made of the library as it is installed, installed into empty environments, and tested there over v3 alone.
#[test]
fn pythons_wheels_hold_what_is_needed() {
    if is_left_out("python") {
        return;
    }
    let folder = Folder::new("wheels");
    let mut script = command("packaging/python.sh");
    script.args(["check", "127.0.0.1", &without_v2().port().to_string()]);
    script.env("LIBRARY", installed().path().join("etcd/lib/libetcd.so")).env("FOLDER", folder.path().join("python"));
    run(&mut script);
}

#[test]
fn ruby() {
    makes_the_tour("ruby");
    passes_its_tests("ruby");
}

#[test]
fn rust() {
    makes_the_tour("rust");
    passes_its_tests("rust");
    // With the features that the tests have, so that nothing but the examples is compiled.
    let mut documentation = command("cargo");
    documentation.args(["test", "--doc", "--workspace", "--offline"]).env("CARGO_TARGET_DIR", target_dir());
    let printed = run(documentation.env("ETCD_DOCTEST", Etcd::shared()[0].url()));
    assert!(printed.contains("test result: ok"), "{printed}");
}

#[test]
fn none_is_forgotten() {
    let listed = run(command("examples/language.sh").arg("list"));
    let listed: BTreeSet<&str> = listed.lines().collect();
    let source = read("tests/programs/languages.rs");
    let readme = read("examples/README.md");
    for language in &listed {
        assert!(source.contains(&format!("makes_the_tour(\"{language}\")")), "{language} has no test here");
        assert!(readme.contains(&format!("[{language}/]({language}/)")), "{language} is not in examples/README.md");
    }
    let folders = run(command("find").args(["examples", "-mindepth", "1", "-maxdepth", "1", "-type", "d"]));
    assert_eq!(folders.lines().map(|path| path.trim_start_matches("examples/")).collect::<BTreeSet<_>>(), listed);
}

#[test]
fn make_demo_runs_one() {
    assert_eq!(run(make("demo-lua").env_remove("ETCD_ENDPOINT")), read("examples/tour.txt").replace("LANGUAGE", "lua"));
}

#[test]
fn the_readmes_lines_run() {
    let port = Etcd::shared()[0].port().to_string();
    let folder = Folder::new("lines");
    for (language, block, ending) in [
        ("cpp", "cpp", "cpp"),
        ("go", "go", "go"),
        ("julia", "julia", "jl"),
        ("lua", "lua", "lua"),
        ("node", "js", "js"),
        ("perl", "perl", "pl"),
        ("php", "php", "php"),
        ("python", "python", "py"),
        ("ruby", "ruby", "rb"),
    ] {
        if is_left_out(language) {
            continue;
        }
        let lines = the_readmes(block);
        assert_eq!(lines.matches("127.0.0.1").count() * lines.matches("2379").count(), 1, "{lines}");
        let lines = lines.replace("2379", &port);
        let program = match language {
            "go" => {
                format!("package main\nimport (\n\"fmt\"\n\"log\"\n{GO_MODULE}\n)\nfunc main() {{\n{lines}\n}}\n")
            }
            "php" => format!("<?php\n{lines}\n"),
            _ => lines,
        };
        let file = folder.path().join(format!("lines.{ending}"));
        std::fs::write(&file, program).expect("it is ours");
        assert_eq!(run(with_the_library("run", language).arg(&file)), "Hello World\n", "{language}");
    }
    // Rust's would have all be compiled once more; they stand in the example's test instead.
    let tested = read("examples/rust/test/main.rs");
    for line in the_readmes("rust").lines() {
        let line = line.replace("\"127.0.0.1\", 2379", "host, port");
        assert!(tested.contains(line.trim()), "{line} is not in examples/rust/test/main.rs");
    }
}

/// How a program imports it.
const GO_MODULE: &str = r#"etcd "github.com/libetcd/libetcd/examples/go""#;

/// Whether `tests/setup.sh` could not get it on this machine; it says so, and fails in CI.
fn is_left_out(language: &str) -> bool {
    let list = std::fs::read_to_string(Path::new(ROOT).join("target/languages/left-out")).unwrap_or_default();
    list.lines().any(|name| name == language)
}

fn the_readmes(block: &str) -> String {
    blocks(&read("README.md"), block).into_iter().next().unwrap_or_else(|| panic!("no lines of {block}"))
}

fn without_v2() -> &'static Etcd {
    static ETCD: OnceLock<Etcd> = OnceLock::new();
    ETCD.get_or_init(|| Etcd::start(Version::V3_6))
}

#[track_caller]
fn makes_the_tour(language: &str) {
    if is_left_out(language) {
        return;
    }
    let expected = read("examples/tour.txt").replace("LANGUAGE", language);
    for etcd in Etcd::shared().iter().chain([without_v2()]) {
        assert_eq!(run(&mut asking("tour", language, etcd)), expected);
        assert_deleted(etcd, &format!("/tour/{language}"));
    }
}

/// What a tour wrote is deleted again, in the store of v2 and in that of v3.
#[track_caller]
pub fn assert_deleted(etcd: &Etcd, directory: &str) {
    let apis = if etcd.version().has_v2() { &["v2", "v3"][..] } else { &["v3"] };
    for api in apis {
        etcd.client(&[("api", api)]).get(directory, ETCD_RECURSIVE).fails(ETCD_ERROR_KEY_NOT_FOUND);
    }
}

#[track_caller]
fn passes_its_tests(language: &str) {
    if is_left_out(language) {
        return;
    }
    let before = files(language);
    on_a_cluster_of_its_own(|cluster| {
        let mut test = asking("test", language, &Etcd::shared()[0]);
        let output = output(test.env("ETCD_PRIVATE", cluster.members[0].url()));
        let printed = printed(&output);
        assert!(output.status.success(), "{printed}");
        assert!(!printed.contains("ETCD_PRIVATE"), "tests that need it are not skipped: {printed}");
    });
    assert_eq!(files(language), before, "nothing is written beside the sources");
}

/// For tests that change members and users. Of three members there is a majority while a fourth is not started. The
/// languages take turns with one cluster; where a test has failed, nobody knows what it has left, and the next gets
/// another.
///
/// etcd makes a member's id of its URLs and the second of its clock, and refuses the id of a removed member with an
/// opaque 500. All languages add the same URLs, so none begins in the second in which another has ended.
#[track_caller]
fn on_a_cluster_of_its_own(test: impl FnOnce(&Cluster)) {
    static UNUSED: Mutex<Option<Cluster>> = Mutex::new(None);
    let mut unused = UNUSED.lock().unwrap_or_else(PoisonError::into_inner);
    let cluster = unused.take().unwrap_or_else(|| {
        // Members may be added before the others have been connected for five seconds.
        let at_once = [&STEADY[..], &["--strict-reconfig-check=false"]].concat();
        Cluster::start_with(Version::V3_4, 3, &at_once)
    });
    test(&cluster);
    let last = second();
    wait_until(PATIENCE, "the second is over", || second() != last);
    *unused = Some(cluster);
}

fn second() -> u64 {
    UNIX_EPOCH.elapsed().expect("it is after 1970").as_secs()
}

fn asking(what: &str, language: &str, etcd: &Etcd) -> Command {
    let mut script = with_the_library(what, language);
    script.args(["127.0.0.1", &etcd.port().to_string()]);
    script
}

fn with_the_library(what: &str, language: &str) -> Command {
    let installed = installed().path().join("etcd/lib");
    let mut script = command("examples/language.sh");
    script.args([what, language]).env("CARGO_TARGET_DIR", target_dir());
    script.env("LD_LIBRARY_PATH", &installed).env("PKG_CONFIG_PATH", installed.join("pkgconfig"));
    script.env("PKG_CONFIG_SYSROOT_DIR", self::installed().path());
    script
}

/// Where `make install` has put the library.
fn installed() -> &'static Folder {
    static INSTALLED: OnceLock<Folder> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let folder = Folder::new("root");
        run(make("install").arg(format!("DESTDIR={}", folder.path().display())).arg("PREFIX=/etcd"));
        folder
    })
}

fn files(language: &str) -> BTreeSet<String> {
    run(command("find").arg(format!("examples/{language}"))).lines().map(str::to_owned).collect()
}
