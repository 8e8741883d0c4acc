//! Makes the C header from the doc comments under `src/ffi/`, and names the shared library.
//!
//! Each file is one section of the header: its `//!` lines are the heading and the text, what follows are its
//! functions. `include/etcd.h` is a copy, which `make header` renews and a test compares.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The version of the ABI, in the file name that programs are bound to. Raised as rarely as possible.
const ABI_VERSION: &str = "0";

/// The header's sections, in their order.
const SECTIONS: &[&str] = &[
    "connect", "config", "keys", "watch", "range", "lease", "lock", "mirror", "cluster", "admin", "json", "library",
    "log",
];

fn main() {
    println!("cargo:rerun-if-changed=src/ffi");
    println!("cargo:rerun-if-changed=src/base/code.rs");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=include/preamble.h");
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo:rustc-env=LIBETCD_BUILD={}", build());
    // nodelete: threads of the library may still run when a program unloads it. The others are the compiler's defaults
    // on most systems: what the loader has written is read-only from then on, and no stack can be executed.
    // macOS has none of them, and a library is not unloaded there that has variables of threads.
    let is_apple = env::var("CARGO_CFG_TARGET_VENDOR").is_ok_and(|vendor| vendor == "apple");
    let options = if is_apple {
        vec![format!("-install_name,@rpath/libetcd.{ABI_VERSION}.dylib")]
    } else {
        let soname = format!("-soname,libetcd.so.{ABI_VERSION}");
        [&*soname, "-z,nodelete", "-z,relro", "-z,now", "-z,noexecstack"].map(str::to_owned).to_vec()
    };
    for option in options {
        println!("cargo:rustc-cdylib-link-arg=-Wl,{option}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo sets OUT_DIR"));
    fs::write(out.join("etcd.h"), header()).expect("OUT_DIR can be written to");
}

/// How the library was built, as JSON for `etcd_library_info`: nothing by which two builds of the same sources differ.
fn build() -> String {
    let set = |name: &str| env::var(name).unwrap_or_else(|_| panic!("Cargo sets {name}"));
    let printed = Command::new(set("RUSTC")).arg("--version").output().expect("Cargo names a compiler that runs");
    let printed = String::from_utf8(printed.stdout).expect("rustc writes UTF-8");
    let rustc = printed.split(' ').nth(1).expect("it says \"rustc\" and its version").trim();
    // Digits only, for it is not escaped.
    let date = env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse::<u64>().ok());
    let date = date.map_or_else(String::new, |seconds| format!(",\"sourceDate\":{seconds}"));
    let (target, profile) = (set("TARGET"), set("PROFILE"));
    format!("{{\"target\":\"{target}\",\"profile\":\"{profile}\",\"rustc\":\"{rustc}\"{date}}}")
}

fn header() -> String {
    let version = env::var("CARGO_PKG_VERSION").expect("Cargo sets CARGO_PKG_VERSION");
    let preamble = fs::read_to_string("include/preamble.h").expect("include/preamble.h is there");
    let number = ["MAJOR", "MINOR", "PATCH"].map(|part| env::var(format!("CARGO_PKG_VERSION_{part}")));
    let bytes =
        number.map(|part| part.ok().and_then(|part| part.parse::<u8>().ok()).expect("a version of three bytes"));
    let number = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut header = preamble.replace("@VERSION@", &version).replace("@NUMBER@", &format!("0x{number}"));
    header += &section("Error codes", "", &declarations(Path::new("src/base/code.rs")));
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
        usize_is_size_t: true,
        function: cbindgen::FunctionConfig {
            must_use: Some("ETCD_MUST_USE".to_owned()),
            deprecated: Some("ETCD_DEPRECATED".to_owned()),
            ..Default::default()
        },
        ..cbindgen::Config::default()
    };
    let bindings = cbindgen::Builder::new().with_config(config).with_src(source).generate();
    let mut text = Vec::new();
    bindings.expect("cbindgen reads the sources").write(&mut text);
    compact(&indented(&String::from_utf8(text).expect("cbindgen writes UTF-8")))
}

/// Examples as a header has them: in the sources they are fenced, so that rustdoc knows that they are C.
fn indented(text: &str) -> String {
    let (mut lines, mut is_example) = (String::new(), false);
    for line in text.lines() {
        match line.strip_prefix(" * ") {
            Some("```c") => is_example = true,
            Some("```") => is_example = false,
            Some(code) if is_example => lines += &format!(" *     {code}\n"),
            _ => lines += &format!("{line}\n"),
        }
    }
    lines
}
