//! Where the system has no more to give.

use support::program::Program;
use support::toolchain::run;

#[test]
fn no_descriptor_and_no_thread_are_the_systems_limits() {
    let program = Program::compile("tests/c/limits.c");
    let told = run(&mut program.command(&[]));
    let lines = Vec::from_iter(told.lines());
    let expected = [
        ("a name without a thread", "1011", "no thread"),
        ("a domain without a thread", "1011", "no thread"),
        ("an address without a descriptor", "1011", "Too many open files"),
        ("a name without a descriptor", "1011", "Too many open files"),
        ("a domain without a descriptor", "1011", "Too many open files"),
        ("an address with both", "1002", "refused"),
    ];
    assert_eq!(lines.len(), expected.len(), "{told}");
    for (line, (what, code, word)) in lines.iter().zip(expected) {
        assert!(line.starts_with(&format!("{what}: {code} ")) && line.contains(word), "{line}");
    }
}
