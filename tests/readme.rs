//! The README: its programs compile and run, and its tables say what the header says.

mod support;
mod toolchain;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use support::etcd::{Etcd, Version};
use support::scratch::Folder;
use toolchain::declaration::declarations;
use toolchain::{blocks, cc, command, declared, header, read, run, shared_library};

#[test]
fn its_programs_compile_and_run() {
    let etcd = Etcd::start(Version::V3_4);
    let programs = blocks(&read("README.md"), "c");
    // Read and write, compare and swap, watch, configure.
    let expected = ["Hello World\n", "", "blue\n", ""];
    assert_eq!(programs.len(), expected.len());
    for (source, expected) in programs.iter().zip(expected) {
        assert_eq!(build_and_run(source, etcd.port()), expected);
    }
    // The second one again, for there is something to compare with now.
    assert_eq!(build_and_run(&programs[1], etcd.port()), "");
    let counter = support::http::get(etcd.port(), "/v2/keys/app/counter").expect("the server answers");
    assert!(counter.body.contains("\"value\":\"2\""), "{}", counter.body);
}

#[test]
fn it_lists_every_function_with_its_parameters_and_what_it_asks_of_etcd() {
    let readme = read("README.md");
    let mut listed = BTreeMap::new();
    for line in readme.lines().filter(|line| line.starts_with("| `etcd_")) {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let (call, endpoint) = (cells.next().unwrap().trim_matches('`'), cells.next().unwrap());
        let (name, _) = call.split_once('(').expect("a call has parentheses");
        assert!(listed.insert(name.to_owned(), (call.to_owned(), endpoint.to_owned())).is_none(), "{name} twice");
    }
    assert_eq!(listed.keys().cloned().collect::<BTreeSet<_>>(), declared());

    let header = header();
    let functions = declarations(&header);
    for (name, (call, endpoint)) in &listed {
        let function = &functions[name];
        assert_eq!(*call, format!("{name}({})", function.parameters().join(", ")));
        let original = function.same_as().map_or(function, |name| &functions[name]);
        assert_eq!(*endpoint, original.endpoint(), "{name}");
    }
}

#[test]
fn its_error_table_has_the_headers_numbers_and_all_of_the_librarys_own() {
    let (readme, header) = (read("README.md"), header());
    let listed: Vec<(&str, &str)> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | `ETCD_ERROR_"))
        .map(|(code, rest)| (code, rest.split('`').next().unwrap()))
        .collect();
    let defined: Vec<(&str, &str)> = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define ETCD_ERROR_")?.split_once(' '))
        .map(|(name, code)| (code, name))
        .collect();
    for entry in &listed {
        assert!(defined.contains(entry), "{entry:?} is not in the header");
    }
    for entry in defined.iter().filter(|(code, _)| code.len() == 4) {
        assert!(listed.contains(entry), "{entry:?} is not in the README");
    }
}

#[test]
fn the_versions_it_names_are_the_packages() {
    let (readme, changelog) = (read("README.md"), read("CHANGELOG.md"));
    let manifest = read("Cargo.toml");
    let rust = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("Cargo.toml says it");
    assert!(readme.contains(&format!("Rust {} or later", rust.trim_matches('"'))), "Rust's version");
    let abi = read("build.rs").split("ABI_VERSION: &str = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(readme.contains(&format!("`libetcd.so.{abi}`")), "the version of the ABI");
    assert!(changelog.contains(&format!("\n## {}", env!("CARGO_PKG_VERSION"))), "this version's changes");
}

#[test]
fn the_files_it_points_to_are_there() {
    let readme = read("README.md");
    let targets = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files: Vec<&str> = targets.filter(|target| !target.starts_with("https://")).collect();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        read(file);
    }
}

/// Compiles a program, or lines for which `client` is at hand, and runs it with the server at `port`.
fn build_and_run(source: &str, port: u16) -> String {
    let whole = if source.contains("int main(") {
        source.to_owned()
    } else {
        format!(
            "#include <etcd.h>\n#include <stdio.h>\nint main(void) {{\n\
             etcd_client *client = etcd_connect(\"127.0.0.1\", 2379, \"v2\", NULL);\n{source}\
             etcd_disconnect(client);\nreturn 0;\n}}\n"
        )
    };
    let (here, there) = ("\"127.0.0.1\", 2379", format!("\"127.0.0.1\", {port}"));
    assert_eq!(whole.matches(here).count(), 1, "the port is to be replaced");
    let folder = Folder::new("readme");
    std::os::unix::fs::symlink(shared_library(), folder.path().join("libetcd.so.0")).expect("it is ours");
    let (file, program) = (folder.path().join("hello.c"), folder.path().join("hello"));
    fs::write(&file, whole.replace(here, &there)).expect("it is ours");
    let mut compiler = cc("c99");
    compiler.arg("-Iinclude").arg("-o").arg(&program).arg(&file).arg(folder.path().join("libetcd.so.0"));
    run(&mut compiler);
    run(command(program.to_str().expect("the path is ours")).env("LD_LIBRARY_PATH", folder.path()))
}
