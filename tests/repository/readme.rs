//! The README: its programs compile and run, and its tables say what the header says; and the links of all pages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use support::etcd::Etcd;
use support::scratch::Folder;
use support::toolchain::declaration::declarations;
use support::toolchain::{ROOT, blocks, cc, command, declared, header, read, run, shared_library};
use support::version::Version;

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
    // The first one where there is no v2.
    assert_eq!(build_and_run(&programs[0], Etcd::start(Version::V3_6).port()), expected[0]);
    // The second one again, for there is something to compare with now.
    assert_eq!(build_and_run(&programs[1], etcd.port()), "");
    let counter = support::http::get(etcd.port(), "/v2/keys/app/counter").expect("the server answers");
    assert!(counter.body.contains("\"value\":\"2\""), "{}", counter.body);
}

#[test]
fn it_lists_every_function_with_parameters_and_endpoint() {
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
fn its_error_table_agrees_with_the_header() {
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
fn its_versions_are_the_packages() {
    let (readme, changelog) = (read("README.md"), read("CHANGELOG.md"));
    let manifest = read("Cargo.toml");
    let rust = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("Cargo.toml says it");
    assert!(readme.contains(&format!("Rust {} or later", rust.trim_matches('"'))), "Rust's version");
    let abi = read("build.rs").split("ABI_VERSION: &str = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(readme.contains(&format!("`libetcd.so.{abi}`")), "the version of the ABI");
    assert!(changelog.contains(&format!("\n## {}", env!("CARGO_PKG_VERSION"))), "this version's changes");
}

#[test]
fn the_files_and_headings_that_pages_point_to_are_there() {
    let pages = pages();
    for page in &pages {
        for target in targets(&read(page)) {
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let path = Path::new(page).parent().expect("a page stands in a folder").join(file);
            assert!(file.is_empty() || Path::new(ROOT).join(&path).exists(), "{page}: {target} is not there");
            if !heading.is_empty() {
                let there = if file.is_empty() { read(page) } else { read(path.to_str().expect("it is ours")) };
                let there: BTreeSet<String> = there.lines().filter_map(anchor).collect();
                assert!(there.contains(&format!("#{heading}")), "{page}: {target} is not among {there:?}");
            }
        }
    }
    // Those beside the README are found from it.
    let linked = targets(&read("README.md"));
    for page in pages.iter().filter(|page| !page.contains('/') && *page != "README.md") {
        assert!(linked.iter().any(|target| target.split('#').next() == Some(page)), "the README does not link {page}");
    }
}

#[test]
fn the_functions_and_constants_that_pages_name_are_the_headers() {
    let header = header();
    let there: BTreeSet<&str> = header.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for page in ["README.md", "ABI.md", "FAQ.md", "MIGRATING.md", "SECURITY.md"] {
        // The left column there is another library's.
        let ours = |line: &str| match line.split_once(" | ") {
            Some((_, ours)) if page == "MIGRATING.md" => ours.to_owned(),
            _ => line.to_owned(),
        };
        let text: Vec<String> = read(page).lines().map(ours).collect();
        for code in text.join("\n").split('`').skip(1).step_by(2) {
            let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '*');
            for word in words.filter(|word| word.starts_with("etcd_") || word.starts_with("ETCD_")) {
                let is_other = word.ends_with(['*', '_']) || ["ETCD_ENDPOINT", "ETCD_0"].contains(&word);
                assert!(is_other || there.contains(word), "{page} names {word}");
            }
        }
    }
}

/// The repository's pages in Markdown.
fn pages() -> Vec<String> {
    let mut find = command("find");
    find.args([".", "(", "-name", "target", "-o", "-name", "node_modules", "-o", "-name", ".git", ")", "-prune"]);
    let found = run(find.args(["-o", "-name", "*.md", "-printf", "%P\\n"]));
    let pages: Vec<String> = found.lines().map(str::to_owned).collect();
    assert!(pages.len() >= 8, "{pages:?}");
    pages
}

/// Where the links of a page lead, except to other sites.
fn targets(page: &str) -> Vec<String> {
    // What stands between fences is code.
    let text: String = page.split("```").step_by(2).collect();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.starts_with("https://")).map(str::to_owned).collect()
}

/// What a link to a heading says, as GitHub makes it of the heading.
fn anchor(line: &str) -> Option<String> {
    let heading = line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))?.to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_');
    Some(format!("#{}", kept.collect::<String>().replace(' ', "-")))
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
