//! The manual pages and the HTML manual: every function has its page, and no tool complains of one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use support::scratch::Folder;
use support::toolchain::{cc, command, declared, header, make, output, printed, run, target_dir};

#[test]
fn every_function_has_a_page_and_nothing_else_has_one() {
    let pages = names(&man().join("man3"), ".3");
    assert_eq!(pages, declared());
    let others = ["libetcd", "libetcd-errors", "libetcd-keys", "libetcd-watching"];
    let seven = names(&man().join("man7"), ".7");
    assert!(others.iter().all(|name| seven.contains(*name)), "{seven:?}");
    assert_eq!(names(&man().join("man5"), ".5"), BTreeSet::from(["libetcd-config".to_owned()]));
}

#[test]
fn every_page_has_its_parts() {
    for name in declared() {
        let page = read_page(&format!("man3/{name}.3"));
        for part in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "SEE ALSO"] {
            assert!(page.contains(&format!("\n.SH {part}\n")), "{name} has no {part}");
        }
        assert!(page.split(".SH").nth(1).is_some_and(|part| part.contains(&name)), "{name} is not in NAME");
        assert!(!page.contains('`'), "{name}: a backtick was left");
    }
    let page = read_page("man3/etcd_cas.3");
    for line in [
        ".BR ETCD_ERROR_COMPARE_FAILED \" (101)\"",    // its own
        ".BR ETCD_ERROR_INVALID_ARGUMENT \" (1001)\"", // those of every call, a range,
        ".BR ETCD_ERROR_SYSTEM_LIMIT \" (1011)\"",
        ".BR ETCD_ERROR_RAFT_INTERNAL \" (300)\"", // and one of them by itself
        ".BI \"char *etcd_test_and_set(const etcd_client *\" client \",\"",
    ] {
        assert!(page.lines().any(|other| other == line), "{line} is missing:\n{page}");
    }
}

#[test]
fn every_code_is_on_the_page_of_errors() {
    let (header, page) = (header(), read_page("man7/libetcd-errors.7"));
    let codes = header.lines().filter_map(|line| line.strip_prefix("#define ETCD_ERROR_")?.split_once(' '));
    for (name, number) in codes {
        assert!(page.contains(&format!(".BR ETCD_ERROR_{name} \" ({number})\"\n")), "{name}");
    }
}

#[test]
fn man_has_no_warnings() {
    let mut tool = command("man");
    tool.env("LC_ALL", "C.UTF-8").env("MANROFFSEQ", "").env("MANWIDTH", "80");
    tool.args(["--warnings", "-E", "UTF-8", "-Tutf8", "-Z", "-l"]).args(pages());
    let output = output(&mut tool);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn mandoc_has_nothing_to_say() {
    let output = output(command("mandoc").args(["-Tlint", "-Wstyle"]).args(pages()));
    assert!(output.status.success(), "{}", printed(&output));
}

#[test]
fn the_examples_that_the_pages_add_compile() {
    let folder = Folder::new("manual");
    let file = folder.path().join("examples.c");
    man(); // made by the tool, which is there then
    let tool = target_dir().join("manual");
    run(command(tool.to_str().expect("the path is ours")).arg("examples").arg("include/etcd.h").arg(&file));
    run(cc("c99").args(["-Iinclude", "-fsyntax-only"]).arg(&file));
}

#[test]
fn every_function_has_an_html_page_and_no_link_is_broken() {
    let folder = html();
    let pages = names(folder, ".html");
    for name in declared() {
        assert!(pages.contains(&name), "{name} has no page");
        let index = fs::read_to_string(folder.join("index.html")).expect("there is an index");
        assert!(index.contains(&format!("href=\"{name}.html\"")), "{name} is not in the index");
    }
    for page in &pages {
        let text = fs::read_to_string(folder.join(format!("{page}.html"))).expect("it is listed");
        let targets = text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
        for target in targets {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let there =
                fs::read_to_string(folder.join(file)).unwrap_or_else(|_| panic!("{page}: {target} is not there"));
            assert!(anchor.is_empty() || there.contains(&format!("id=\"{anchor}\"")), "{page}: {target}");
        }
    }
}

/// The folder of the manual pages, made by `make man`.
fn man() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        run(&mut make("man"));
        target_dir().join("man")
    })
}

fn html() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        man(); // the two are made with one tool, one after the other
        run(&mut make("doc"));
        target_dir().join("doc/html")
    })
}

fn read_page(name: &str) -> String {
    fs::read_to_string(man().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All manual pages.
fn pages() -> Vec<PathBuf> {
    let folders = fs::read_dir(man()).expect("it was made").map(|entry| entry.expect("it is listed").path());
    let pages = folders.flat_map(|folder| fs::read_dir(folder).expect("folders of pages"));
    pages.map(|entry| entry.expect("it is listed").path()).collect()
}

/// The files of a folder with that ending, without it.
fn names(folder: &Path, ending: &str) -> BTreeSet<String> {
    let files = fs::read_dir(folder).expect("it was made").map(|entry| entry.expect("it is listed").file_name());
    files.filter_map(|name| Some(name.to_str()?.strip_suffix(ending)?.to_owned())).collect()
}
