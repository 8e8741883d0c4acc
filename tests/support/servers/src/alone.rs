//! Tests that need a process of their own, because they count what a process has, set what is the whole process's, or
//! fork.

use std::collections::HashSet;
use std::fs;
use std::process::Command;

const VARIABLE: &str = "LIBETCD_TEST_ALONE";

/// Runs `body`, a part of this test, with no other test beside it: in this program, started again.
#[track_caller]
pub fn alone<T: Fn()>(test: T, body: impl FnOnce()) {
    if is_alone(&test).is_some() {
        return body();
    }
    start_alone(test, "");
}

/// Runs this test in a process of its own, where `is_alone` returns the value.
#[track_caller]
pub fn start_alone<T: Fn()>(test: T, value: &str) {
    let name = name(&test);
    let program = std::env::current_exe().expect("a test knows its own path");
    let mut command = Command::new(program);
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(VARIABLE, format!("{name}={value}"));
    let output = command.output().expect("it starts");
    let printed = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && printed.contains("1 passed"), "{name}:\n{printed}");
}

/// The value, if this process is the test's own.
pub fn is_alone<T: Fn()>(test: &T) -> Option<String> {
    let value = std::env::var(VARIABLE).ok()?;
    Some(value.strip_prefix(name(test))?.strip_prefix('=')?.to_owned())
}

/// As the test harness has it: `module::test`, without the program's name.
fn name<T: Fn()>(_: &T) -> &'static str {
    std::any::type_name::<T>().split_once("::").expect("a function of a crate").1
}

/// This process's threads of that name, by number.
pub fn threads_named(name: &str) -> HashSet<i32> {
    let tasks = fs::read_dir("/proc/self/task").expect("our own threads").flatten();
    let named =
        tasks.filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|own| own.trim_end() == name));
    named.map(|task| task.file_name().to_string_lossy().parse().expect("a thread's number")).collect()
}
