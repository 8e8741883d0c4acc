//! `include/etcd.h`: it is what the sources give, any compiler takes it, and it documents all that is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Output, Stdio};

use support::toolchain::declaration::declarations;
use support::toolchain::{cc, command, cxx, declared, header, read};

#[test]
fn the_committed_header_is_what_the_sources_give() {
    let generated = include_str!(concat!(env!("OUT_DIR"), "/etcd.h"));
    assert!(header() == generated, "include/etcd.h is out of date: run `make header` and commit it");
}

#[test]
fn it_compiles_alone_and_without_a_warning_as_c() {
    for standard in ["c99", "c11", "c17"] {
        compiles(cc(standard).args(["-Wstrict-prototypes", "-x", "c"]), "#include <etcd.h>\n#include <etcd.h>\n");
    }
}

#[test]
fn it_compiles_alone_and_without_a_warning_as_cpp() {
    for standard in ["c++11", "c++14", "c++17", "c++20"] {
        compiles(cxx(standard).args(["-Wold-style-cast", "-x", "c++"]), "#include <etcd.h>\n#include <etcd.h>\n");
    }
}

#[test]
fn it_claims_no_name_that_does_not_begin_with_etcd() {
    let compiled = |source: &str| macros(cc("c99").args(["-x", "c", "-E", "-dM"]), source);
    let (with, without) = (compiled("#include <etcd.h>\n"), compiled("#include <stddef.h>\n#include <stdint.h>\n"));
    let own: Vec<_> = with.iter().filter(|name| !without.contains(name)).collect();
    assert!(own.len() > 50, "{own:?}");
    assert_eq!(own.iter().find(|name| !name.starts_with("ETCD_")), None);
    for name in declarations(&header()).keys() {
        assert!(name.starts_with("etcd_"), "{name}");
    }
}

#[test]
fn every_function_is_documented_with_the_same_parts() {
    let header = header();
    let functions = declarations(&header);
    for (name, function) in functions.iter().filter(|(_, function)| !function.is_type()) {
        let (doc, declaration) = (&function.doc, &function.declaration);
        let complain = |what: &str| panic!("{name}: {what}\n{doc}\n{declaration}");
        let sentence = doc.lines().next().unwrap_or_default();
        if !sentence.starts_with(char::is_uppercase) || doc.trim().is_empty() {
            complain("does not open with a sentence on what it does");
        }
        if let Some(original) = function.same_as() {
            let parameters = |declaration: &str| declaration.split_once('(').map(|(_, rest)| without_space(rest));
            assert_eq!(parameters(declaration), parameters(&functions[original].declaration), "{name} and {original}");
            continue;
        }
        for parameter in function.parameters() {
            if !doc.contains(&format!("`{parameter}`")) {
                complain(&format!("does not document `{parameter}`"));
            }
        }
        if !declaration.starts_with("void ") && !doc.contains("\nReturns ") {
            complain("does not say what it returns");
        }
        if declaration.starts_with("char *") && !doc.replace('\n', " ").contains("frees it with `etcd_free`") {
            complain("does not say who owns the text");
        }
        let is_owned = ["char *", "void *", "etcd_"].iter().any(|owned| declaration.starts_with(owned));
        assert_eq!(function.must_use, is_owned, "{name}: ETCD_MUST_USE is for what the caller owns");
        let takes_a_client = declaration.contains("const etcd_client *");
        if takes_a_client && !(doc.contains("\netcd: ") && doc.contains("\nErrors: ")) {
            complain("names no etcd endpoint, or no errors");
        }
        if declaration.contains("char **error") && !doc.contains("\nErrors: ") {
            complain("names no errors");
        }
    }
    let documented = functions.into_iter().filter(|(_, function)| !function.is_type()).map(|(name, _)| name);
    assert_eq!(documented.collect::<BTreeSet<_>>(), declared());
}

#[test]
fn every_function_says_since_when_it_is_there() {
    let number = |version: &str| -> Option<Vec<u32>> { version.split('.').map(|part| part.parse().ok()).collect() };
    let current = env!("CARGO_PKG_VERSION");
    for (name, function) in declarations(&header()) {
        let last = function.doc.rsplit("\n\n").next().unwrap_or_default();
        let since = last.strip_prefix("Since: ").and_then(number);
        assert!(
            since.is_some_and(|since| since.len() == 3 && Some(since) <= number(current)),
            "{name}: let its comment in src/ffi/ end with an empty line and \"Since: {current}\", or the version that it came with"
        );
    }
}

#[test]
fn every_function_is_misused() {
    let calls = read("tests/c/calls.h");
    let misused = calls.lines().filter_map(|line| line.trim_start().strip_prefix("X(")?.split(',').next());
    let misused: BTreeSet<_> = misused.map(str::to_owned).collect();
    assert_eq!(misused, declared(), "tests/c/calls.h has a line for each function");
}

#[test]
fn its_examples_compile() {
    let mut examples = 0;
    for (name, function) in declarations(&header()) {
        let lines: Vec<&str> = function.doc.lines().filter_map(|line| line.strip_prefix("    ")).collect();
        if lines.is_empty() {
            continue;
        }
        let (functions, body): (Vec<&str>, Vec<&str>) = lines.iter().partition(|line| line.starts_with("static "));
        // What an example presupposes stands outside of it, so that the next one may declare it again.
        let source = format!(
            "#include <etcd.h>\n#include <stdio.h>\n\
             etcd_client *client; char *error; const char *reply, *members;\n\
             {}\nint {name}_example(void);\nint {name}_example(void)\n{{\n{}\nreturn 0;\n}}\n",
            functions.join("\n"),
            body.join("\n"),
        );
        compiles(cc("c99").args(["-Wno-unused-variable", "-Wno-unused-parameter", "-x", "c"]), &source);
        examples += 1;
    }
    assert!(examples >= 7, "only {examples} were found");
}

/// What compilers say of it, function by function; `clang` is one that programs are built with, too.
#[test]
fn compilers_warn_where_what_the_caller_owns_is_dropped() {
    let owned = [
        "etcd_connect(\"h\", 1, NULL, NULL)",
        "etcd_with(client, changes, NULL)",
        "etcd_get(client, \"/a\", 0)",
        "etcd_set(client, \"/a\", \"1\", 0, 0)",
        "etcd_txn(client, \"{}\")",
        "etcd_json_text(text, \"/a\")",
        "etcd_watch_open(client, \"/a\", 0, 0, NULL)",
        "etcd_watch_next(watcher, 0)",
        "etcd_register(client, \"/a\", \"1\", 9, NULL)",
        "etcd_lease_revoke(lease)",
        "etcd_lock_open(client, \"/a\", \"\", 9, 0, NULL)",
        "etcd_lock_txn(lock, \"{}\")",
        "etcd_mirror_open(client, \"/a\", NULL)",
        "etcd_mirror_get(mirror, \"/a\")",
    ];
    let plain = [
        "etcd_free(text)",
        "etcd_disconnect(client)",
        "etcd_config_set(changes, \"root\", \"/a/\")",
        "etcd_error_code(text)",
        "etcd_watch_free(watcher)",
        "etcd_lease_id(lease)",
        "etcd_lease_free(lease)",
        "etcd_lock_wait(lock, 0)",
        "etcd_lock_free(lock)",
        "etcd_mirror_wait(mirror, 1, 0)",
        "etcd_mirror_free(mirror)",
    ];
    let begins = "#include <etcd.h>\n#include <stddef.h>\n\
        void drops(etcd_client *client, etcd_config *changes, etcd_watcher *watcher, etcd_lease *lease, etcd_lock *lock, \
        etcd_mirror *mirror, char *text);\n\
        void drops(etcd_client *client, etcd_config *changes, etcd_watcher *watcher, etcd_lease *lease, etcd_lock *lock, \
        etcd_mirror *mirror, char *text)\n{\n";
    let line = begins.lines().count() + 1;
    let calls = Vec::from_iter(owned.iter().chain(&plain).map(|call| format!("{call};\n")));
    let source = format!("{begins}{}}}\n", calls.concat());
    let has_clang = command("clang").arg("--version").output().is_ok_and(|output| output.status.success());
    for name in ["gcc", "clang"].into_iter().filter(|name| *name == "gcc" || has_clang) {
        for language in [["-std=c99", "-xc"], ["-std=c++11", "-xc++"]] {
            let mut compiler = command(name);
            let said = compiler.args(language).args(["-c", "-o", "/dev/null"]);
            let output = given(said, &source);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name} {language:?}: {said}");
            let warned = said.lines().filter_map(|said| said.split_once(": warning: "));
            let lines = warned.filter(|(_, what)| what.contains("-Wunused-result"));
            let lines = lines.filter_map(|(place, _)| place.split(':').nth(1)?.parse::<usize>().ok());
            let expected = BTreeSet::from_iter(line..line + owned.len());
            assert_eq!(lines.collect::<BTreeSet<_>>(), expected, "{name} {language:?}: {said}");
        }
    }
}

#[test]
fn every_constant_is_documented_and_no_number_is_used_twice() {
    let header = header();
    let lines: Vec<&str> = header.lines().collect();
    let mut errors = BTreeMap::new();
    let mut count = 0;
    for (i, line) in lines.iter().enumerate() {
        let Some((name, value)) = line.strip_prefix("#define ETCD_").and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        if ["VERSION", "MUST_USE", "DEPRECATED"].iter().any(|other| name.starts_with(other)) {
            continue;
        }
        count += 1;
        assert!(lines[i - 1].ends_with("*/"), "ETCD_{name} is not documented");
        let number: u32 = value.parse().unwrap_or_else(|_| panic!("ETCD_{name} is {value:?}"));
        if name.starts_with("ERROR_") {
            assert_eq!(errors.insert(number, name), None, "{number} is used twice");
        }
    }
    assert!(count > 50, "only {count} constants were found");
}

#[test]
fn it_has_the_version_of_the_package() {
    let line = format!("#define ETCD_VERSION \"{}\"\n", env!("CARGO_PKG_VERSION"));
    assert!(header().contains(&line), "{line} is missing");
    let line = format!("#define ETCD_VERSION_NUMBER {:#08x}\n", etcd::ffi::library::etcd_library_version_number());
    assert!(header().contains(&line), "{line} is missing");
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(")
}

#[track_caller]
fn compiles(compiler: &mut Command, source: &str) {
    compile(compiler.args(["-fsyntax-only"]), source);
}

fn macros(compiler: &mut Command, source: &str) -> Vec<String> {
    let printed = compile(compiler, source);
    printed
        .lines()
        .filter_map(|line| Some(line.strip_prefix("#define ")?.split([' ', '(']).next()?.to_owned()))
        .collect()
}

/// Has a text compiled, with the repository's header at hand, and returns what the compiler printed.
#[track_caller]
fn compile(compiler: &mut Command, source: &str) -> String {
    let output = given(compiler, source);
    assert!(output.status.success(), "{compiler:?}\n{}", support::toolchain::printed(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn given(compiler: &mut Command, source: &str) -> Output {
    compiler.args(["-Iinclude", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = compiler.spawn().unwrap_or_else(|error| panic!("{compiler:?}: {error}; run tests/setup.sh"));
    child.stdin.take().expect("it is piped").write_all(source.as_bytes()).expect("the compiler reads");
    child.wait_with_output().expect("the compiler ends")
}
