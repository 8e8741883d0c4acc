//! Tests that need a process of their own, because they count what a process has, or fork.

use std::process::Command;

const VARIABLE: &str = "LIBETCD_TEST_ALONE";

/// Runs `body`, a part of the test `name`, with no other test beside it: in this program started again.
#[track_caller]
pub fn alone(name: &str, body: impl FnOnce()) {
    if std::env::var(VARIABLE).is_ok_and(|alone| alone == name) {
        return body();
    }
    let program = std::env::current_exe().expect("a test knows its own path");
    let mut command = Command::new(program);
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(VARIABLE, name);
    let output = command.output().expect("it starts");
    let printed = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && printed.contains("1 passed"), "{name}:\n{printed}");
}
