//! The shared library as the linker sees it: what it exports, is called, and needs.

use std::path::Path;

use support::toolchain::{command, declared, exported, read, run, shared_library};

#[test]
fn exactly_the_headers_functions_are_exported() {
    assert_eq!(exported(&shared_library()), declared());
}

#[test]
fn it_is_called_by_the_version_of_its_abi() {
    let dynamic = dynamic_section(&shared_library());
    assert_eq!(bracketed(&dynamic, "(SONAME)"), ["libetcd.so.0"]);
    // `make install` reads it there.
    assert!(read("build.rs").contains("\nconst ABI_VERSION: &str = \"0\";\n"));
}

#[test]
fn it_needs_nothing_but_the_c_library_and_the_compilers_own() {
    let needed = bracketed(&dynamic_section(&shared_library()), "(NEEDED)");
    let usual = ["libc.so.6", "libgcc_s.so.1", "libm.so.6", "ld-linux-"]; // ld-linux: of thread-local variables
    let others: Vec<_> = needed.iter().filter(|name| !usual.iter().any(|usual| name.starts_with(usual))).collect();
    assert_eq!(others, Vec::<&String>::new());
    assert!(needed.iter().any(|name| name == "libc.so.6"), "{needed:?}");
}

#[test]
fn it_stays_loaded_because_threads_of_its_own_may_still_run() {
    assert!(dynamic_section(&shared_library()).contains("NODELETE"));
}

fn dynamic_section(library: &Path) -> String {
    run(command("readelf").args(["-d", "-W"]).arg(library))
}

/// What stands in brackets in the lines of that kind.
fn bracketed(dynamic: &str, kind: &str) -> Vec<String> {
    let lines = dynamic.lines().filter(|line| line.contains(kind));
    lines.filter_map(|line| Some(line.split_once('[')?.1.trim_end_matches(']').to_owned())).collect()
}
