//! What a C programmer has: a compiler, and the library built.

pub mod declaration;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

pub use servers::ROOT;

/// The header in the repository.
pub fn header() -> String {
    read("include/etcd.h")
}

/// The functions of the header: what stands before a `(`, outside comments.
pub fn declared() -> BTreeSet<String> {
    let header = header();
    let code = header.split("/*").map(|piece| piece.split_once("*/").map_or(piece, |(_, code)| code));
    let code: String = code.collect();
    let functions = code.split(';').filter(|declaration| !declaration.contains("typedef"));
    let names = functions.filter_map(|declaration| declaration.split_once('(')?.0.rsplit([' ', '*']).next());
    names.map(str::to_owned).collect()
}

/// A file of the repository.
pub fn read(path: &str) -> String {
    let path = Path::new(ROOT).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The shared library that Cargo built together with this test: of all the kinds of library the crate is, since a test
/// needs one of them, and into the folder that the test program stands in.
pub fn shared_library() -> PathBuf {
    let path = built_beside_us().join("libetcd.so");
    assert!(path.is_file(), "{} is missing: does Cargo.toml still list \"cdylib\"?", path.display());
    path
}

/// The target directory that this test was built in.
pub fn target_dir() -> PathBuf {
    let profile = built_beside_us();
    // deps, in a profile's folder.
    profile.parent().and_then(Path::parent).expect("Cargo's layout").to_owned()
}

fn built_beside_us() -> PathBuf {
    let program = std::env::current_exe().expect("a test knows its own path");
    program.parent().expect("a file stands in a folder").to_owned()
}

/// What a library lets programs call, without the nodes of their versions.
pub fn exported(library: &Path) -> BTreeSet<String> {
    let table = run(command("nm").args(["-D", "--defined-only"]).arg(library));
    // A node is an absolute symbol itself.
    let functions = table.lines().filter(|line| !line.contains(" A "));
    let names = functions.filter_map(|line| line.rsplit(' ').next()?.split('@').next());
    names.map(str::to_owned).collect()
}

/// A command as the user's shell would start it: without what Cargo and make hand to their children, which would
/// have it find other libraries, or change what it builds.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(ROOT).stdin(Stdio::null());
    for name in ["LD_LIBRARY_PATH", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "DESTDIR", "PREFIX"] {
        command.env_remove(name);
    }
    // Build scripts of dependencies look at them: with them, each `make` of a test builds anew what one of the shell's
    // has built, and the other way round.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_MANIFEST_", "CARGO_PKG_", "OUT_DIR"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(&name);
        }
    }
    command
}

/// `make` with a target of the Makefile, which builds where this test was built.
pub fn make(target: &str) -> Command {
    let mut make = command("make");
    make.arg(target).arg(format!("CARGO_TARGET_DIR={}", target_dir().display()));
    make
}

/// The blocks of code in that language in a text in Markdown.
pub fn blocks(markdown: &str, language: &str) -> Vec<String> {
    let pieces = markdown.split(&format!("\n```{language}\n")).skip(1).map(str::to_owned).collect::<Vec<_>>();
    let code = pieces.iter().map(|piece| piece.split("\n```\n").next().expect("a split has a first piece"));
    code.map(|code| format!("{code}\n")).collect()
}

/// Runs it to its end and returns what it printed; it must succeed.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, printed(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
pub fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; does tests/setup.sh install it?"))
}

/// All that a program wrote.
pub fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A C compiler that lets nothing pass.
pub fn cc(standard: &str) -> Command {
    compiler("CC", "cc", standard)
}

/// The same for C++.
pub fn cxx(standard: &str) -> Command {
    compiler("CXX", "c++", standard)
}

fn compiler(variable: &str, usual: &str, standard: &str) -> Command {
    // May be several words: `ccache gcc`.
    let words = std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
    let mut words = words.split_whitespace();
    let mut command = command(words.next().unwrap_or(usual));
    command.args(words).arg(format!("-std={standard}")).args(["-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
    command
}
