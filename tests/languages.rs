//! The modules in `examples/` for other languages: each makes the same tour, with a server of each version, and passes
//! the tests that it brings along.

mod support;
mod toolchain;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::OnceLock;

use support::etcd::Etcd;
use support::scratch::Folder;
use toolchain::{blocks, command, make, read, run, target_dir};

#[test]
fn cpp() {
    makes_the_tour("cpp"); // tests/cpp.rs has its tests
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

#[test]
fn ruby() {
    makes_the_tour("ruby");
    passes_its_tests("ruby");
}

#[test]
fn rust() {
    makes_the_tour("rust");
    passes_its_tests("rust");
}

#[test]
fn none_is_forgotten() {
    let listed = run(command("examples/language.sh").arg("list"));
    let listed: BTreeSet<&str> = listed.lines().collect();
    let source = read("tests/languages.rs");
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
        let lines = the_readmes(block);
        assert_eq!(lines.matches("127.0.0.1").count() * lines.matches("2379").count(), 1, "{lines}");
        let lines = lines.replace("2379", &port);
        let program = match language {
            "go" => {
                format!("package main\nimport (\n\"fmt\"\n\"log\"\n\"example/etcd\"\n)\nfunc main() {{\n{lines}\n}}\n")
            }
            "php" => format!("<?php\n{lines}\n"),
            _ => lines,
        };
        let file = folder.path().join(format!("lines.{ending}"));
        std::fs::write(&file, program).expect("it is ours");
        assert_eq!(run(with_the_library("run", language).arg(&file)), "Hello World\n", "{language}");
    }
    // Rust's would have all be compiled once more; they stand in the example's test instead.
    let tested = read("examples/rust/test.rs");
    for line in the_readmes("rust").lines() {
        let line = line.replace("\"127.0.0.1\", 2379", "host, port");
        assert!(tested.contains(line.trim()), "{line} is not in examples/rust/test.rs");
    }
}

fn the_readmes(block: &str) -> String {
    blocks(&read("README.md"), block).into_iter().next().unwrap_or_else(|| panic!("no lines of {block}"))
}

#[track_caller]
fn makes_the_tour(language: &str) {
    let expected = read("examples/tour.txt").replace("LANGUAGE", language);
    for etcd in Etcd::shared() {
        assert_eq!(run(&mut asking("tour", language, etcd)), expected);
        let left = support::http::get(etcd.port(), &format!("/v2/keys/tour/{language}")).expect("the server answers");
        assert_eq!(left.status, 404, "what it wrote is deleted again");
    }
}

#[track_caller]
fn passes_its_tests(language: &str) {
    let before = files(language);
    run(&mut asking("test", language, &Etcd::shared()[0]));
    assert_eq!(files(language), before, "nothing is written beside the sources");
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
