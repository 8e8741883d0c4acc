//! The ABI is the baseline's under `abi/`, or more; and what breaks it is found.

use std::fs;
use std::process::Output;

use support::scratch::Folder;
use support::toolchain::{command, header, output, printed};

#[test]
fn it_is_what_was_promised() {
    let compared = output(command("scripts/abi.sh").arg("compare"));
    assert!(compared.status.success(), "{}", printed(&compared));
}

#[test]
fn what_is_added_passes() {
    let compared = with("void etcd_free(char *text);\n", |line| {
        format!(
            "{line}\n/** New. */\n#define ETCD_QUITE_NEW 77\n\n/**\n * New.\n */\nvoid etcd_quite_new(char *text);\n"
        )
    });
    assert!(compared.status.success(), "{}", printed(&compared));
}

#[test]
fn what_breaks_programs_is_named() {
    let gone = |_: &str| String::new();
    let changed = |from: &'static str, to: &'static str| move |line: &str| line.replace(from, to);
    is_refused(&with("void etcd_free(char *text);\n", gone), "etcd_free");
    is_refused(&with("int etcd_error_code(const char *json);\n", changed("int", "int64_t")), "etcd_error_code");
    is_refused(&with("typedef void (*etcd_release_fn)(void *user_data);\n", changed("void (", "int (")), "etcd_watch");
    is_refused(&with("#define ETCD_SORTED 2\n", changed("2", "3")), "ETCD_SORTED 2");
    is_refused(&with("#define ETCD_ERROR_TIMEOUT 1003\n", gone), "ETCD_ERROR_TIMEOUT 1003");
}

#[track_caller]
fn is_refused(compared: &Output, name: &str) {
    let said = printed(compared);
    assert_eq!(compared.status.code(), Some(1), "{said}");
    assert!(said.contains(name) && said.contains("renew the baseline with \"make abi\""), "{said}");
}

/// Compares a header in which one place is another.
fn with(place: &str, change: impl Fn(&str) -> String) -> Output {
    let header = header();
    assert_eq!(header.matches(place).count(), 1, "{place}");
    let folder = Folder::new("abi");
    fs::write(folder.path().join("etcd.h"), header.replace(place, &change(place))).expect("it is ours");
    output(command("scripts/abi.sh").arg("compare").arg(folder.path()))
}
