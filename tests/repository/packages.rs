//! What packages need and what is not made anew with each build: versions, symbols, licences.

use std::collections::BTreeSet;

use support::toolchain::{command, declared, read, run};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn the_packages_have_this_version() {
    let node = read("examples/node/package.json");
    assert!(node.contains(&format!("\n  \"version\": \"{VERSION}\",\n")), "examples/node/package.json");
    let changelog = read("packaging/debian/changelog");
    assert!(changelog.starts_with(&format!("libetcd ({VERSION}-")), "packaging/debian/changelog");
    let rpm = read("packaging/rpm/libetcd.spec");
    assert!(rpm.lines().any(|line| line.split_whitespace().eq(["Version:", VERSION])), "packaging/rpm/libetcd.spec");
    let python = read("examples/python/pyproject.toml");
    assert!(python.lines().any(|line| line == format!("version = \"{VERSION}\"")), "examples/python/pyproject.toml");
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
