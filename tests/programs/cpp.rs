//! `include/etcd.hpp`: it offers all that the C header has; the programs in `tests/cpp/` and the tour compile without a
//! warning with each compiler and standard, and run under the sanitizers with servers of each version.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use support::etcd::Etcd;
use support::scratch::Folder;
use support::toolchain::{command, declared, header, output, printed, read, run, shared_library};
use support::version::Version;

use crate::languages::assert_deleted;

/// What is compiled and run, and what, for time's sake, is only compiled: together each compiler with each standard.
const RUN: [(&str, &str); 2] = [("g++", "c++17"), ("clang++", "c++20")];
const COMPILED: [(&str, &str); 2] = [("g++", "c++20"), ("clang++", "c++17")];

#[test]
fn it_offers_every_function_of_the_c_header() {
    let cpp = read("include/etcd.hpp");
    // These are other names of `etcd_cas` and `etcd_cad`.
    let aliases = ["etcd_compare_and_swap", "etcd_test_and_set", "etcd_compare_and_delete"];
    for function in declared().iter().filter(|name| !aliases.contains(&name.as_str())) {
        let uses = [format!("{function}("), format!("call({function},"), format!("call({function})")];
        assert!(uses.iter().any(|used| cpp.contains(used)), "{function}");
    }
    for name in settings() {
        assert!(cpp.contains(&format!("set(\"{name}\", ")), "{name}");
    }
}

#[test]
fn every_call_has_a_form_that_does_not_throw() {
    let cpp = read("include/etcd.hpp");
    let throwing: Vec<&str> =
        cpp.lines().filter_map(|line| line.split_once(" Reply ")?.1.split_once('(').map(|(name, _)| name)).collect();
    let calls: Vec<&&str> = throwing.iter().filter(|name| cpp.contains(&format!("return try_{name}("))).collect();
    assert!(calls.len() >= 39, "{calls:?}");
    for name in calls {
        assert!(cpp.contains(&format!("    Attempt try_{name}(")), "{name}");
    }
}

#[test]
fn keys_are_read_and_written() {
    for program in Program::all("keys", &["tests/cpp/keys.cpp", "tests/cpp/alone.cpp", "tests/cpp/beside.cpp"], &[]) {
        program.runs_with_each_server();
    }
}

#[test]
fn clusters_are_administered_and_clients_configured() {
    for program in Program::all("cluster", &["tests/cpp/cluster.cpp"], &[]) {
        program.runs_with_each_server();
    }
}

#[test]
fn watches_are_handed_to_callables_and_fetched() {
    let without_v2 = Etcd::start_with(Version::V3_5, &["--enable-v2=false"]);
    for program in Program::all("watch", &["tests/cpp/watch.cpp"], &[]) {
        program.runs_with_each_server();
        assert_eq!(run(&mut program.command(&[&without_v2.port().to_string(), "off"])), "");
    }
}

#[test]
fn v3_is_spoken_and_calls_and_waits_end_in_time_and_when_they_are_to() {
    let new = Etcd::start(Version::V3_7);
    for program in Program::all("v3", &["tests/cpp/v3.cpp"], &[]) {
        program.runs_with_each_server();
        program.runs_with(&new);
    }
}

#[test]
fn exceptions_are_not_needed() {
    for program in Program::all("no_exceptions", &["tests/cpp/no_exceptions.cpp"], &["-fno-exceptions"]) {
        program.runs_with_each_server();
    }
}

#[test]
fn the_tour_prints_what_every_languages_does() {
    let expected = read("examples/tour.txt").replace("LANGUAGE", "cpp");
    let servers = Version::all_with_v2().map(Etcd::start); // `languages` makes the tour on those that are shared
    for program in Program::all("tour", &["examples/cpp/tour.cpp"], &[]) {
        for etcd in &servers {
            assert_eq!(run(&mut program.command(&["127.0.0.1", &etcd.port().to_string()])), expected);
            assert_deleted(etcd, "/tour/cpp");
        }
        let refused = output(&mut program.command(&["127.0.0.1", "1"]));
        assert!(!refused.status.success() && printed(&refused).ends_with("(1002)\n"), "{}", printed(&refused));
    }
}

#[test]
fn the_sanitizers_are_looking() {
    for program in Program::all("broken", &["tests/cpp/broken.cpp"], &[]) {
        assert_eq!(run(&mut program.command(&["not at all"])), "whole\n");
        for (way, finding) in [
            ("leak", "LeakSanitizer: detected memory leaks"),
            ("overflow", "AddressSanitizer: heap-buffer-overflow"),
            ("undefined", "runtime error: signed integer overflow"),
        ] {
            let found = output(&mut program.command(&[way]));
            assert!(!found.status.success() && printed(&found).contains(finding), "{way}: {}", printed(&found));
        }
    }
}

/// The names of the configuration, from the list in the C header.
fn settings() -> Vec<String> {
    let header = header();
    let section = header.split("==== Configuration ====").nth(1).and_then(|rest| rest.split("*/").next());
    let entries = section.expect("the header has it").lines().filter_map(|line| line.strip_prefix(" * - "));
    let names: Vec<String> = entries
        .flat_map(|entry| entry.split_once(" (").expect("a default follows").0.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect();
    assert!(names.len() >= 20, "{names:?}");
    names
}

struct Program {
    path: PathBuf,
    /// The directory that it uses on a server that it shares with others.
    directory: String,
    _folder: Folder,
}

impl Program {
    /// Compiles sources in every way, and gives the programs that are to be run.
    #[track_caller]
    fn all(name: &str, sources: &[&str], flags: &[&str]) -> Vec<Program> {
        for (compiler, standard) in COMPILED {
            run(cxx(compiler, standard).args(flags).arg("-fsyntax-only").args(sources));
        }
        let build = |(compiler, standard): (&str, &str)| {
            let folder = Folder::new(name);
            // A program asks for the library by the name of its ABI, which Cargo knows nothing of.
            for link in ["libetcd.so", "libetcd.so.0"] {
                symlink(shared_library(), folder.path().join(link)).expect("a folder of our own");
            }
            let path = folder.path().join(name);
            let mut build = cxx(compiler, standard);
            build.args(flags).args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
            build.args(["-g", "-D_GLIBCXX_ASSERTIONS", "-o"]).arg(&path).args(sources);
            build.arg("-L").arg(folder.path()).arg("-letcd");
            run(build.arg(format!("-Wl,-rpath,{}", folder.path().display())));
            Program { path, directory: format!("/{name}-{compiler}"), _folder: folder }
        };
        RUN.map(build).into()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.path.to_str().expect("the path is our own"));
        command.env("ASAN_OPTIONS", "detect_leaks=1").env_remove("LSAN_OPTIONS").env_remove("UBSAN_OPTIONS");
        command.args(arguments);
        command
    }

    #[track_caller]
    fn runs_with_each_server(&self) {
        Etcd::shared().iter().for_each(|etcd| self.runs_with(etcd));
    }

    #[track_caller]
    fn runs_with(&self, etcd: &Etcd) {
        assert_eq!(run(&mut self.command(&[&etcd.port().to_string(), &self.directory])), "");
    }
}

/// A C++ compiler with all warnings as errors.
fn cxx(compiler: &str, standard: &str) -> Command {
    let mut command = command(compiler);
    command.arg(format!("-std={standard}")).args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wshadow"]);
    command.args(["-Wconversion", "-Wsign-conversion", "-Wold-style-cast", "-pthread", "-Iinclude"]);
    command
}
