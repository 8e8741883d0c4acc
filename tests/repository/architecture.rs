//! Imports run one way, as `ARCHITECTURE.md` draws them: from room to room downwards, and never in a circle. And what that
//! page names is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use support::toolchain::{ROOT, read};

/// From the door down: each may import those that stand after it. Two in one row do not know each other.
const ROOMS: [&[&str]; 12] = [
    &["ffi", "rust"],
    &["client"],
    &["recipes"],
    &["watch"],
    &["api"],
    &["operation"],
    &["messages"],
    &["transport"],
    &["http", "grpc"],
    &["net"],
    &["config"],
    &["base"],
];

/// A module by its path, as `transport::retry`, and what it imports of the crate's own.
type Imports = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_import_runs_upwards() {
    for (module, imported) in &imports() {
        for other in imported {
            let (from, to) = (room(module), room(other));
            let is_downwards = rank(from) < rank(to) || from == to;
            assert!(is_downwards, "{module} imports {other}: {from} must not know {to}");
        }
    }
}

#[test]
fn no_imports_run_in_a_circle() {
    let imports = imports();
    let (mut done, mut circles) = (BTreeSet::new(), Vec::new());
    for module in imports.keys() {
        walk(&imports, module, &mut Vec::new(), &mut done, &mut circles);
    }
    assert!(circles.is_empty(), "circles of imports:\n{}", circles.join("\n"));
}

#[test]
fn every_room_is_drawn() {
    let lib = read("src/lib.rs");
    let declared: BTreeSet<&str> = lib
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    assert_eq!(declared, ROOMS.iter().copied().flatten().copied().collect());
    let page = read("ARCHITECTURE.md");
    for room in declared {
        assert!(page.contains(&format!("`{room}/`")), "{room} is not in ARCHITECTURE.md");
    }
}

#[test]
fn every_file_has_its_line() {
    let page = read("ARCHITECTURE.md");
    let lines = page.split("\n## What each file is for\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let lines = lines.expect("ARCHITECTURE.md says what each file is for");
    let listed: BTreeSet<&str> = code(lines)
        .flat_map(|text| text.split(['/', ' ', ',']))
        .map(|name| name.strip_suffix(".rs").unwrap_or(name))
        .collect();
    for module in modules().into_keys() {
        let name = module.rsplit("::").next().unwrap_or_default();
        assert!(listed.contains(name), "{module} is not in ARCHITECTURE.md");
    }
}

#[test]
fn the_functions_that_are_named_exist() {
    let sources = Vec::from_iter(modules().into_values().map(|path| fs::read_to_string(path).expect("a source")));
    let page = read("ARCHITECTURE.md");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = page.split(|c| !is_part(c) && c != ':').map(|word| word.trim_matches(':'));
    for path in words.filter(|word| word.contains("::") && !word.starts_with("support::")) {
        let name = path.rsplit("::").next().unwrap_or_default();
        // A function or a field; or a type, a variant or a constant.
        let forms = match name.starts_with(char::is_lowercase) {
            true => [format!("fn {name}("), format!("fn {name}<"), format!(" {name}: ")],
            false => [format!(" {name}"), format!("({name}"), format!("<{name}")],
        };
        let is_there = |text: &String| forms.iter().any(|form| text.contains(form.as_str()));
        assert!(sources.iter().any(is_there), "{path} is named in ARCHITECTURE.md and is nowhere");
    }
}

/// What stands between backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn unsafe_code_is_in_ffi_only() {
    for (module, path) in modules() {
        let text = fs::read_to_string(&path).expect("a source");
        let is_unsafe = text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains("unsafe "));
        assert!(!is_unsafe || room(&module) == "ffi", "{module} has unsafe code");
    }
}

#[test]
fn imports_are_read_as_they_are_written() {
    let known = BTreeSet::from(["a", "a::b", "a::c", "d", "d::e"].map(str::to_owned));
    let of = |module: &str, text: &str| Vec::from_iter(imported(module, text, &known));
    assert_eq!(of("a::b", "use crate::d::{Thing, e::Other};\n"), ["d", "d::e"]);
    assert_eq!(of("a::b", "use super::c::Thing;\nuse super::{c, Else};\n"), ["a", "a::c"]);
    assert_eq!(
        of("a", "mod b;\npub use b::Thing;\nuse c::X;\nuse std::io;\n"),
        ["a::c"],
        "what is handed on of its own is no import"
    );
    assert_eq!(of("a", "pub use b::Thing;\npub use crate::d::e;\n"), ["d::e"], "of others it is one");
    assert_eq!(of("a::b", "#[cfg(test)]\npub(crate) use super::c::Thing;\n"), ["a::c"], "and with what is in front");
    assert_eq!(of("a::b", "mod inner {\n    use crate::d::Thing;\n}\n"), ["d"]);
    assert_eq!(of("a", "#[cfg(test)]\nmod tests {\n    use crate::d::e;\n}\n"), [""; 0], "nor what tests need");
    assert_eq!(of("a::b", "fn f() { crate::d::e::g() }\n"), ["d::e"], "a path is one");
}

fn walk<'a>(
    imports: &'a Imports,
    module: &'a str,
    path: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
    circles: &mut Vec<String>,
) {
    if let Some(begin) = path.iter().position(|other| *other == module) {
        circles.push(format!("{} -> {module}", path[begin..].join(" -> ")));
    } else if !done.contains(module) {
        path.push(module);
        for other in imports.get(module).into_iter().flatten() {
            walk(imports, other, path, done, circles);
        }
        path.pop();
        // All ways on from here are known.
        done.insert(module);
    }
}

fn room(module: &str) -> &str {
    module.split("::").next().expect("a path has a beginning")
}

fn rank(room: &str) -> usize {
    ROOMS.iter().position(|row| row.contains(&room)).unwrap_or_else(|| panic!("{room} is in no row of the rooms"))
}

fn imports() -> Imports {
    let modules = modules();
    let known = modules.keys().cloned().collect();
    let read = |path: &PathBuf| fs::read_to_string(path).expect("a source");
    modules.iter().map(|(module, path)| (module.clone(), imported(module, &read(path), &known))).collect()
}

/// All modules but the crate's root and what only tests have.
fn modules() -> BTreeMap<String, PathBuf> {
    fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, PathBuf>) {
        for entry in folder.read_dir().expect("a folder of sources").flatten() {
            let path = entry.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("names are ASCII").to_owned();
            if matches!(stem.as_str(), "lib" | "tests") {
                continue;
            }
            let module = if prefix.is_empty() { stem } else { format!("{prefix}::{stem}") };
            if path.is_dir() {
                collect(&path, &module, found);
            } else {
                found.insert(module, path);
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(&Path::new(ROOT).join("src"), "", &mut found);
    assert!(found.len() > 50, "the sources are found");
    found
}

/// What a module's text imports of the modules that are known, itself left out.
fn imported(module: &str, text: &str, known: &BTreeSet<String>) -> BTreeSet<String> {
    // Tests stand at the end of a file and may import what they like.
    let text = text.split("\n#[cfg(test)]\nmod tests").next().expect("a text has a beginning");
    let text = text.strip_prefix("#[cfg(test)]\nmod tests").map_or(text, |_| "");
    let code = Vec::from_iter(text.lines().filter(|line| !line.trim_start().starts_with("//"))).join("\n");
    let mut paths = Vec::new();
    let mut rest = String::new();
    for statement in code.split_inclusive(';') {
        let statement = statement.trim();
        let (before, tree) = statement.split_once("use ").unwrap_or((statement, ""));
        let mut found = Vec::new();
        match before.rsplit([']', '{', '}', '\n']).next().unwrap_or_default().trim() {
            _ if tree.is_empty() => rest += statement,
            "" => flatten("", tree.trim_end_matches(';'), &mut found),
            // What a room hands on of its own files is no import; what it hands on of others' is one.
            door if door == "pub" || (door.starts_with("pub(") && door.ends_with(')')) => {
                flatten("", tree.trim_end_matches(';'), &mut found);
                let own = format!("{module}::");
                found.retain(|path| absolute(module, path).is_some_and(|path| !path.starts_with(&own)));
            }
            _ => rest += statement,
        }
        paths.append(&mut found);
    }
    // Paths in the code itself.
    for begin in ["crate::", "super::"] {
        for (at, _) in rest.match_indices(begin) {
            let path = rest[at..].split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).next().unwrap_or("");
            if !rest[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
                paths.push(path.to_owned());
            }
        }
    }
    let found = paths.iter().filter_map(|path| absolute(module, path)).filter_map(|path| longest(&path, known));
    found.filter(|found| found != module).collect()
}

/// `a::{b, c::{d}}` as its paths.
fn flatten(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        paths.push(format!("{prefix}{}", tree.split(" as ").next().unwrap_or(tree)));
        return;
    };
    let (prefix, inner) = (format!("{prefix}{}", &tree[..open]), tree[open + 1..].trim_end().trim_end_matches('}'));
    let (mut depth, mut begin) = (0, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                flatten(&prefix, &inner[begin..at], paths);
                begin = at + 1;
            }
            _ => {}
        }
    }
    if !inner[begin..].trim().is_empty() {
        flatten(&prefix, &inner[begin..], paths);
    }
}

/// The path from the crate's root on; `None` if it is another crate's.
fn absolute(module: &str, path: &str) -> Option<String> {
    if let Some(path) = path.strip_prefix("crate::") {
        return Some(path.to_owned());
    }
    let (mut base, mut path) = (Some(module), path);
    while let Some(rest) = path.strip_prefix("super::") {
        base = Some(base?.rsplit_once("::").map_or("", |(parent, _)| parent));
        path = rest;
    }
    let path = path.strip_prefix("self::").unwrap_or(path);
    match base? {
        "" => Some(path.to_owned()),
        base => Some(format!("{base}::{path}")),
    }
}

/// The module that a path leads to or into.
fn longest(path: &str, known: &BTreeSet<String>) -> Option<String> {
    let mut path = path;
    while !known.contains(path) {
        path = path.rsplit_once("::")?.0;
    }
    Some(path.to_owned())
}
