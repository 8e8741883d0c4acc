//! The README's table of settings says what the header says.

use support::toolchain::{header, read};

/// One line of either: names, default, and what ranges it gives.
#[derive(Debug, PartialEq, Eq)]
struct Setting {
    names: Vec<String>,
    default: String,
    range: Option<(u64, u64)>,
}

impl Setting {
    fn new(names: &str, default: &str, meaning: &str) -> Setting {
        let names = names.split(", ").map(|name| name.trim_matches('`').to_owned()).collect();
        let default = default.replace(['"', '`'], "");
        let default = if default == "none" { String::new() } else { default };
        Setting { names, default, range: range(meaning) }
    }
}

/// "1 to 100", wherever it stands; "0: never; to 100" and "0, never, to 100" begin at 0.
fn range(meaning: &str) -> Option<(u64, u64)> {
    let words: Vec<&str> = meaning.split([' ', ',', ';', ':', '.']).filter(|word| !word.is_empty()).collect();
    let to = words.windows(2).rposition(|pair| pair[0] == "to" && pair[1].parse::<u64>().is_ok())?;
    let from = words[..to].iter().rev().find_map(|word| word.parse().ok())?;
    Some((from, words[to + 1].parse().ok()?))
}

fn in_the_header() -> Vec<Setting> {
    let header = header();
    let section = header.split("/* ==== Configuration").nth(1).and_then(|rest| rest.split("*/").next());
    let text = section.expect("the section").replace("\n * - ", "\n\n- ").replace("\n * ", " ");
    let lines = text.split("\n\n- ").skip(1);
    lines
        .map(|line| {
            let (names, rest) = line.split_once(" (").expect("a default");
            let (default, meaning) = rest.split_once("): ").expect("a meaning");
            Setting::new(names, default, meaning)
        })
        .collect()
}

fn in_the_readme() -> Vec<Setting> {
    let readme = read("README.md");
    let table = readme.split("| name | default | meaning |\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let rows = table.expect("the table").lines().skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        Setting::new(cells[0], cells[1], cells[2])
    })
    .collect()
}

#[test]
fn the_readmes_settings_are_the_headers() {
    let (header, readme) = (in_the_header(), in_the_readme());
    assert!(header.len() >= 18 && header.iter().filter(|setting| setting.range.is_some()).count() >= 8, "{header:?}");
    for (ours, theirs) in readme.iter().zip(&header) {
        assert_eq!(ours, theirs);
    }
    assert_eq!(readme.len(), header.len());
}
