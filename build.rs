//! Makes the C header from the doc comments under `src/ffi/`, and names the shared library.
//!
//! Each file is one section of the header: its `//!` lines are the heading and the text, what follows are its
//! functions. `include/etcd.h` is a copy, which `make header` renews and a test compares.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The version of the ABI, in the file name that programs are bound to. Raised as rarely as possible.
const ABI_VERSION: &str = "0";

/// The header's sections, in their order.
const SECTIONS: &[&str] = &["connect", "config", "keys", "watch", "cluster", "admin", "json", "library", "log"];

fn main() {
    println!("cargo:rerun-if-changed=src/ffi");
    println!("cargo:rerun-if-changed=src/code.rs");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=include/preamble.h");
    // nodelete: threads of the library may still run when a program unloads it.
    for option in [&format!("-soname,libetcd.so.{ABI_VERSION}"), "-z,nodelete"] {
        println!("cargo:rustc-cdylib-link-arg=-Wl,{option}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR"));
    fs::write(out.join("etcd.h"), header()).expect("OUT_DIR can be written to");
}

fn header() -> String {
    let version = env::var("CARGO_PKG_VERSION").expect("Cargo sets CARGO_PKG_VERSION");
    let preamble = fs::read_to_string("include/preamble.h").expect("include/preamble.h is there");
    let mut header = preamble.replace("@VERSION@", &version);
    header += &section("Error codes", "", &declarations(Path::new("src/code.rs")));
    for name in SECTIONS {
        let path = format!("src/ffi/{name}.rs");
        let source = fs::read_to_string(&path).expect("every section has its file");
        let mut lines = source
            .lines()
            .map_while(|line| line.strip_prefix("//!"))
            .map(|line| line.strip_prefix(' ').unwrap_or(line));
        let title = lines.next().expect("a section's file opens with its title");
        let text: Vec<&str> = lines.skip(1).collect();
        header += &section(title, &text.join("\n"), &declarations(Path::new(&path)));
    }
    assert!(header.is_ascii(), "the header is ASCII");
    assert!(!header.lines().any(|line| line.trim_start_matches("/*").contains("/*")), "a comment opens in a comment");
    header += "#ifdef __cplusplus\n}\n#endif\n\n#endif /* ETCD_H */\n";
    header
}

fn section(title: &str, text: &str, declarations: &str) -> String {
    let mut comment = format!("/* {} {title} {}\n", "=".repeat(4), "=".repeat(80 - title.len()));
    for line in text.lines() {
        comment += format!(" * {line}").trim_end();
        comment += "\n";
    }
    format!("{comment} */\n\n{}\n\n", declarations.trim())
}

/// Constants one a line pair: a comment of one line is written as one, and nothing stands between two.
fn compact(text: &str) -> String {
    let mut lines = Vec::new();
    for block in text.trim().split("\n\n") {
        let block: Vec<&str> = block.lines().collect();
        match block[..] {
            ["/**", comment, " */", define] if define.starts_with("#define") => {
                lines.push(format!("/** {} */\n{define}", comment.trim_start_matches(" * ")));
            }
            _ => lines.push(format!("\n{}\n", block.join("\n"))),
        }
    }
    lines.join("\n").replace("\n\n\n", "\n\n").trim().to_owned()
}

fn declarations(source: &Path) -> String {
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        no_includes: true,
        documentation_style: cbindgen::DocumentationStyle::Doxy,
        style: cbindgen::Style::Type,
        line_length: 120,
        ..cbindgen::Config::default()
    };
    let bindings = cbindgen::Builder::new().with_config(config).with_src(source).generate();
    let mut text = Vec::new();
    bindings.expect("cbindgen reads the sources").write(&mut text);
    compact(&String::from_utf8(text).expect("cbindgen writes UTF-8"))
}
