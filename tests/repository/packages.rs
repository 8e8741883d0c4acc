//! What packages need and what is not made anew with each build: versions, symbols, licences.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use support::toolchain::{ROOT, command, declared, read, run};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where a package, or a page about it, says of which version it is.
#[test]
fn the_packages_have_this_version() {
    let v = VERSION;
    for (file, said) in [
        ("examples/julia/Project.toml", format!("\nversion = \"{v}\"\n")),
        ("examples/node/package.json", format!("\n  \"version\": \"{v}\",\n")),
        ("examples/perl/Libetcd.pm", format!("\nour $VERSION = '{v}';\n")),
        ("examples/python/pyproject.toml", format!("\nversion = \"{v}\"\n")),
        ("examples/README.md", format!("`target/packages/node/libetcd-{v}.tgz`")),
        ("packaging/conan/conanfile.py", format!("\n    version = \"{v}\"\n")),
        ("packaging/debian/changelog", format!("libetcd ({v}-")),
        ("packaging/homebrew/libetcd.rb", format!("/archive/refs/tags/v{v}.tar.gz\"\n")),
        ("packaging/nix/default.nix", format!("\n  version = \"{v}\";\n")),
        ("packaging/rpm/libetcd.spec", format!("\nVersion:        {v}\n")),
        ("packaging/rpm/libetcd.spec", format!("> - {v}-1\n")),
        ("packaging/vcpkg/vcpkg.json", format!("\n  \"version\": \"{v}\",\n")),
        ("PACKAGING.md", format!("| `LIBDIR/libetcd.so.{v}`, ")),
        ("PACKAGING.md", format!("the tag `examples/go/v{v}` beside `v{v}`")),
        ("THIRD-PARTY.md", format!("\n| libetcd | {v} | ")),
    ] {
        assert!(read(file).contains(&said), "{file} lacks {said:?}");
    }
    let changelog = read("packaging/debian/changelog");
    assert!(changelog.starts_with(&format!("libetcd ({v}-")), "packaging/debian/changelog: {changelog}");
}

/// A package that is new, too.
#[test]
fn no_package_has_another_version() {
    let files = run(command("find").args(["examples", "packaging", "-type", "f"]));
    let mut said = 0;
    for file in files.lines() {
        // Pictures and programs that are compiled say nothing here.
        let Ok(text) = fs::read_to_string(Path::new(ROOT).join(file)) else { continue };
        for line in text.lines().filter(|line| !line.starts_with("Standards-Version:")) {
            for version in versions(line) {
                assert_eq!(version, VERSION, "{file}: {line}");
                said += 1;
            }
        }
    }
    assert!(said >= 8, "{said} files were found to name a version");
    assert_eq!(versions("  \"version\" : \"1.2.3\""), ["1.2.3"]);
    assert_eq!(versions("our $VERSION = '1.20.3'; Version: 4.5"), ["1.20.3"]);
    assert_eq!(versions("url \"…/tags/v1.2.3.tar.gz\""), ["1.2.3"]);
    assert_eq!(versions("the version of etcd is 3.4.23"), [""; 0]);
}

/// What follows the word "version", or a tag's "/v", if it is a number of three parts.
fn versions(line: &str) -> Vec<String> {
    let line = line.to_ascii_lowercase();
    let words = ["version", "/v"].into_iter();
    let rests = words.flat_map(|word| line.match_indices(word).map(|(at, _)| &line[at + word.len()..]));
    let numbers = rests.filter_map(|rest| {
        let rest = rest.trim_start_matches(|c: char| c.is_ascii_punctuation() || c == ' ');
        let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let parts = Vec::from_iter(number.trim_end_matches('.').split('.'));
        (parts.len() == 3).then(|| parts.join("."))
    });
    numbers.collect()
}

#[test]
fn the_packages_want_the_rust_that_cargo_toml_wants() {
    let manifest = read("Cargo.toml");
    let rust = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).expect("Cargo.toml says it");
    let wanted = format!(">= {}", rust.trim_matches('"'));
    for (file, times) in [("packaging/debian/control", 4), ("packaging/rpm/libetcd.spec", 2)] {
        assert_eq!(read(file).matches(&wanted).count(), times, "{file}: {wanted}");
    }
}

/// Clippy sees what the standard library lacks, and not that chains of `let` came with Rust 1.88.
#[test]
fn no_source_has_a_chain_of_lets() {
    let mut files = Vec::new();
    for folder in ["src", "tools"] {
        let found = run(command("find").args([folder, "-name", "*.rs"]));
        files.extend(found.lines().map(str::to_owned));
    }
    assert!(files.len() > 100, "{files:?}");
    for file in files {
        let text = read(&file);
        for (line, next) in text.lines().zip(text.lines().skip(1)) {
            let is_chain = (line.contains("if let ") || line.contains("while let ")) && next.trim().starts_with("&& ");
            assert!(!is_chain && !line.contains("&& let "), "{file}: {line}");
        }
    }
}

/// `make symbols` renews it.
#[test]
fn debians_symbols_are_the_headers_functions() {
    let symbols = read("packaging/debian/libetcd0.symbols");
    let listed = symbols.lines().filter_map(|line| line.strip_prefix(" etcd_")?.split('@').next());
    let listed: BTreeSet<String> = listed.map(|name| format!("etcd_{name}")).collect();
    let (listed, declared) = (&listed, &declared());
    let missing: BTreeSet<_> = declared - listed;
    let gone: BTreeSet<_> = listed - declared;
    assert!(missing.is_empty() && gone.is_empty(), "`make symbols`: missing {missing:?}, gone {gone:?}");
}

/// `make third-party` renews it.
#[test]
fn third_party_md_names_all_that_is_linked_in() {
    let page = read("THIRD-PARTY.md");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        Some((cells.next()?.to_owned(), cells.next()?.to_owned())).filter(|(_, version)| version.contains('.'))
    });
    let listed: BTreeSet<(String, String)> = rows.collect();
    let mut tree = command("cargo");
    tree.args(["tree", "--offline", "--locked", "-e", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]);
    for line in run(&mut tree).lines() {
        let mut words = line.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next()) else { continue };
        let entry = (name.to_owned(), version.trim_start_matches('v').to_owned());
        assert!(name == "libetcd" || listed.contains(&entry), "`make third-party`: {entry:?} is missing");
    }
    let lock = read("Cargo.lock");
    for (name, version) in listed.iter().filter(|(name, _)| name != "libetcd") {
        let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        assert!(lock.contains(&entry), "`make third-party`: {name} {version} is no longer used");
    }
}
