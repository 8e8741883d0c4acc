//! Programs in C: the tour of all calls, also under valgrind, and the README's first program.

use std::fs;

use support::program::Program;
use support::scratch::Folder;
use support::toolchain::{blocks, cc, command, read, run, shared_library};

use crate::servers::shared;

#[test]
fn a_program_in_c_does_it_all_and_leaks_nothing() {
    runs_well("tests/c/v3.c");
}

#[test]
fn a_program_in_c_uses_the_store_as_it_is() {
    runs_well("tests/c/bytes.c");
}

#[test]
fn threads_share_leases_and_locks_and_a_client_ends_under_them() {
    runs_well("tests/c/recipes.c");
}

/// With a server of each version, and once more under valgrind.
#[track_caller]
fn runs_well(source: &str) {
    let program = Program::compile(source);
    for etcd in shared() {
        assert_eq!(run(&mut program.command(&[&etcd.port().to_string()])), "");
    }
    let port = shared()[2].port().to_string();
    assert_eq!(run(&mut program.under_valgrind(&[&port])), "");
}

/// On every server, with v2 or without, but for the port.
#[test]
fn the_readmes_first_program_runs_unchanged() {
    let source = blocks(&read("README.md"), "c").swap_remove(0);
    let folder = Folder::new("first");
    let at = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink(shared_library(), at("libetcd.so.0")).expect("a folder of our own");
    for etcd in shared() {
        fs::write(at("first.c"), source.replace("2379", &etcd.port().to_string())).expect("a folder of our own");
        let mut compiler = cc("c11");
        compiler.args(["-Iinclude", "-o"]).arg(at("first")).arg(at("first.c")).arg(shared_library());
        run(compiler.arg(format!("-Wl,-rpath,{}", folder.path().display())));
        assert_eq!(run(&mut command(at("first").to_str().expect("a text"))), "Hello World\n", "{}", etcd.version());
    }
}
