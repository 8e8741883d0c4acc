//! `make install` and `make uninstall`: what they put where, and that programs are built with it and run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use support::etcd::Etcd;
use support::scratch::Folder;
use support::toolchain::{ROOT, cc, command, declared, exported, make, output, printed, read, run, target_dir};
use support::version::Version;

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn it_puts_each_file_in_its_place_and_uninstall_removes_just_these() {
    let place = Place::new("/opt/etcd", "/opt/etcd/lib64");
    let shared = format!("opt/etcd/lib64/libetcd.so.{VERSION}");
    let expected = [
        "opt/etcd/bin/etcd-v2-to-v3",
        "opt/etcd/include/etcd.h",
        "opt/etcd/include/etcd.hpp",
        "opt/etcd/lib64/cmake/etcd/etcd-config-version.cmake",
        "opt/etcd/lib64/cmake/etcd/etcd-config.cmake",
        "opt/etcd/lib64/libetcd.a",
        "opt/etcd/lib64/libetcd.so",
        "opt/etcd/lib64/libetcd.so.0",
        &shared,
        "opt/etcd/lib64/pkgconfig/etcd.pc",
        "opt/etcd/share/doc/libetcd/ABI.md",
        "opt/etcd/share/doc/libetcd/CHANGELOG.md",
        "opt/etcd/share/doc/libetcd/FAQ.md",
        "opt/etcd/share/doc/libetcd/LICENSE",
        "opt/etcd/share/doc/libetcd/MIGRATING.md",
        "opt/etcd/share/doc/libetcd/README.md",
        "opt/etcd/share/doc/libetcd/THIRD-PARTY.md",
    ];
    let other = place.root().join("opt/etcd/lib64/libother.so");
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, "not ours").unwrap();

    place.make("install");
    place.make("install"); // once more changes nothing
    let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
    let (pages, mut there): (BTreeSet<String>, BTreeSet<String>) =
        place.files().into_iter().partition(|name| name.starts_with("opt/etcd/share/man/"));
    let of_functions: BTreeSet<String> =
        declared().iter().map(|name| format!("opt/etcd/share/man/man3/{name}.3")).collect();
    assert!(pages.is_superset(&of_functions) && pages.contains("opt/etcd/share/man/man7/libetcd.7"), "{pages:?}");
    assert!(pages.contains("opt/etcd/share/man/man1/etcd-v2-to-v3.1"), "{pages:?}");
    assert!(there.remove("opt/etcd/lib64/libother.so"));
    assert_eq!(there, expected);
    for (link, target) in [("libetcd.so", "libetcd.so.0"), ("libetcd.so.0", &*format!("libetcd.so.{VERSION}"))] {
        assert_eq!(fs::read_link(place.root().join("opt/etcd/lib64").join(link)).unwrap(), Path::new(target));
    }
    assert_eq!(fs::read_to_string(place.root().join("opt/etcd/include/etcd.h")).unwrap(), read("include/etcd.h"));

    place.make("uninstall");
    assert_eq!(place.files(), BTreeSet::from(["opt/etcd/lib64/libother.so".to_owned()]));
}

#[test]
fn a_prefix_may_hold_spaces_and_signs() {
    let folder = Folder::new("prefix");
    let prefix = folder.path().join("it's a & b|c");
    let arguments = [format!("PREFIX={}", prefix.display()), "DESTDIR=".to_owned()];
    // What a name split at its spaces would reach.
    let others = [folder.path().join("it's"), prefix.join("lib/libetcd.so.other")];
    fs::create_dir_all(prefix.join("lib")).unwrap();
    others.iter().for_each(|other| fs::write(other, "not ours").unwrap());

    run(make("install").args(&arguments));
    let mut pkg_config = command("pkg-config");
    pkg_config.env("PKG_CONFIG_LIBDIR", prefix.join("lib/pkgconfig"));
    let flags = run(pkg_config.args(["--cflags", "--libs", "etcd"]));
    let program = folder.path().join("program");
    // pkg-config's words are written for a shell.
    let compile = format!("cc -o '{}' tests/c/config.c {flags}", program.display());
    run(command("sh").args(["-c", &compile]));
    runs(command(program.to_str().unwrap()).env("LD_LIBRARY_PATH", prefix.join("lib")));
    run(make("uninstall").args(&arguments));
    let left = run(command("find").arg(&prefix).args(["!", "-type", "d", "-printf", "%f"]));
    assert_eq!(left, "libetcd.so.other");
    assert!(others.iter().all(|other| other.exists()));
}

#[test]
fn a_relative_prefix_is_made_absolute() {
    let root = Folder::new("root");
    let destination = format!("DESTDIR={}", root.path().display());
    run(make("install").arg(&destination).arg("PREFIX=out/here"));
    let here = fs::canonicalize(ROOT).expect("it is there");
    let place = root.path().join(here.strip_prefix("/").expect("it is absolute")).join("out/here");
    let text = fs::read_to_string(place.join("lib/pkgconfig/etcd.pc")).expect("it is installed");
    assert!(text.starts_with(&format!("prefix={}/out/here\nlibdir=${{prefix}}/lib\n", here.display())), "{text}");
    run(make("uninstall").arg(&destination).arg("PREFIX=out/here"));
    assert_eq!(run(command("find").arg(root.path()).args(["!", "-type", "d"])), "");
}

#[test]
fn a_prefix_that_pkg_config_cannot_hold_is_refused() {
    let root = Folder::new("root");
    for prefix in ["/a\"b", "/a#b", "/a\\b", "/a`b"] {
        let refused =
            output(make("install").arg(format!("DESTDIR={}", root.path().display())).arg(format!("PREFIX={prefix}")));
        assert!(!refused.status.success() && printed(&refused).contains("may hold no"), "{}", printed(&refused));
    }
    assert_eq!(run(command("find").arg(root.path()).args(["!", "-type", "d"])), "");
}

#[test]
fn install_does_not_build_as_root() {
    let folder = Folder::new("root");
    // A build older than its sources: none at all.
    let mut install = command("make");
    install.arg("install").arg(format!("CARGO_TARGET_DIR={}", folder.path().join("target").display()));
    install.arg(format!("DESTDIR={}", folder.path().display()));
    let mut without_cargo = command("make");
    without_cargo.args(install.get_args()).arg("CARGO=/no/such/cargo");
    for install in [install.env("SUDO_USER", "me"), &mut without_cargo] {
        let refused = output(install);
        let said = printed(&refused);
        assert!(!refused.status.success() && said.contains("run \"make\" as yourself first"), "{said}");
    }
}

#[test]
fn the_library_that_is_installed_exports_just_the_headers_functions() {
    let place = Place::installed();
    assert_eq!(exported(&place.library(&format!("libetcd.so.{VERSION}"))), declared());
}

#[test]
fn each_function_has_the_node_that_programs_are_bound_to() {
    let library = Place::installed().library("libetcd.so");
    let table = run(command("nm").args(["-D", "--defined-only", "--with-symbol-versions"]).arg(&library));
    let nodes = table.lines().filter_map(|line| line.split_once(" T ")?.1.split_once("@@"));
    let nodes: BTreeSet<(&str, &str)> = nodes.collect();
    let declared = declared();
    assert_eq!(nodes, declared.iter().map(|name| (name.as_str(), "ETCD_0")).collect());
}

#[test]
fn the_library_that_is_installed_is_linked_as_cargos_is() {
    let library = Place::installed().library("libetcd.so");
    let dynamic = run(command("readelf").args(["-d", "-W"]).arg(&library));
    for flag in ["[libetcd.so.0]", "BIND_NOW", "NODELETE"] {
        assert!(dynamic.contains(flag), "{flag}: {dynamic}");
    }
    let segments = run(command("readelf").args(["-l", "-W"]).arg(&library));
    let stack = segments.lines().find(|line| line.contains("GNU_STACK")).expect("it says what it wants of the stack");
    assert!(segments.contains("GNU_RELRO") && !stack.contains(" RWE "), "{segments}");
    assert_eq!(needed(&library), needed(&target_dir().join("release/libetcd.so")));
}

#[test]
fn pkg_config_tells_all_that_a_program_needs() {
    let place = Place::installed();
    assert_eq!(place.pkg_config(&["--modversion"]), VERSION);
    assert_eq!(place.pkg_config(&["--cflags"]), format!("-I{}/usr/include", place.root().display()));
    assert_eq!(place.pkg_config(&["--libs"]), format!("-L{}/usr/lib -letcd", place.root().display()));
    assert!(place.pkg_config(&["--libs", "--static"]).contains("-lpthread"));
    assert!(!read_installed(place, "pkgconfig/etcd.pc").contains('@'), "a word was not filled in");
}

#[test]
fn a_program_is_linked_with_the_shared_library() {
    let place = Place::installed();
    let program = place.compile("shared", &place.pkg_config(&["--cflags", "--libs"]));
    let needed = run(command("readelf").args(["-d", "-W"]).arg(&program));
    assert!(needed.contains("[libetcd.so.0]"), "{needed}");
    runs(command(program.to_str().unwrap()).env("LD_LIBRARY_PATH", place.library("")));
}

#[test]
fn a_program_is_linked_with_the_static_library_alone() {
    let place = Place::installed();
    let libraries = place.pkg_config(&["--libs-only-l", "--static"]).replace("-letcd", "");
    let archive = place.library("libetcd.a");
    let flags = format!("{} {} {libraries}", place.pkg_config(&["--cflags"]), archive.display());
    let program = place.compile("archive", &flags);
    let needed = run(command("readelf").args(["-d", "-W"]).arg(&program));
    assert!(needed.contains("[libc.so.6]") && !needed.contains("libetcd"), "{needed}");
    runs(&mut command(program.to_str().unwrap()));
}

#[test]
fn a_program_is_linked_with_nothing_but_static_libraries() {
    let place = Place::installed();
    let program =
        place.compile("static", &format!("-static {}", place.pkg_config(&["--cflags", "--libs", "--static"])));
    let dynamic = run(command("readelf").args(["-d", "-W"]).arg(&program));
    assert!(dynamic.contains("no dynamic section"), "{dynamic}");
    runs(&mut command(program.to_str().unwrap()));
}

/// Cargo applies it only where the crate is built as nothing but C libraries, and says nothing where it does not.
#[test]
fn the_whole_program_is_optimised_at_link_time() {
    Place::installed();
    let members = run(command("ar").arg("t").arg(target_dir().join("release/libetcd.a")));
    // Without it the standard library and each crate are members of their own.
    let rust: Vec<&str> = members.lines().filter(|name| name.contains(".rcgu.o")).collect();
    let crates: BTreeSet<&str> = rust.iter().map(|name| name.split(['.', '-']).next().unwrap()).collect();
    // The compiler's own are never part of it.
    assert_eq!(crates, BTreeSet::from(["compiler_builtins", "etcd"]), "{members}");
}

#[test]
fn the_static_library_shows_just_the_headers_functions() {
    let table = run(command("nm").args(["-g", "--defined-only"]).arg(Place::installed().library("libetcd.a")));
    let shown = table.lines().filter_map(|line| line.split_once(" T ")).map(|(_, name)| name.to_owned());
    assert_eq!(shown.collect::<BTreeSet<_>>(), declared());
    assert_eq!(table.lines().filter(|line| line.split(' ').count() == 3).count(), declared().len(), "{table}");
}

#[test]
fn the_program_that_moves_over_runs_without_the_library() {
    let program = Place::installed().root().join("usr/bin/etcd-v2-to-v3");
    let needed = run(command("readelf").args(["-d", "-W"]).arg(&program));
    assert!(needed.contains("[libc.so.6]") && !needed.contains("libetcd"), "{needed}");
    assert!(run(command(program.to_str().unwrap()).arg("--help")).starts_with("usage: etcd-v2-to-v3"));
}

#[test]
fn a_program_may_hold_another_rust_library() {
    let place = Place::installed();
    let other = place.root().join("libother.a");
    let mut rustc = command(&std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned()));
    run(rustc.args(["-O", "--edition=2024", "--crate-type=staticlib", "tests/c/other.rs", "-o"]).arg(&other));
    let libraries = place.pkg_config(&["--libs-only-l", "--static"]).replace("-letcd", "");
    let etcd = place.library("libetcd.a");
    for (name, archives) in [("before", [&etcd, &other]), ("after", [&other, &etcd])] {
        let [first, second] = archives.map(|archive| archive.display());
        let program = place.root().join(name);
        let flags = format!("{} {first} {second} {libraries}", place.pkg_config(&["--cflags"]));
        run(cc("c99").arg("-o").arg(&program).arg("tests/c/other.c").args(flags.split_whitespace()));
        runs(&mut command(program.to_str().unwrap()));
    }
}

/// The libraries that it cannot do without.
fn needed(library: &Path) -> BTreeSet<String> {
    let dynamic = run(command("readelf").args(["-d", "-W"]).arg(library));
    let lines = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    lines.filter_map(|line| Some(line.split_once('[')?.1.to_owned())).collect()
}

#[test]
fn cmake_finds_both_libraries() {
    let place = Place::installed();
    let folder = Folder::new("cmake");
    let program = |target: &str, library: &str| {
        format!("add_executable({target} {ROOT}/tests/c/config.c)\ntarget_link_libraries({target} {library})\n")
    };
    let lists = [
        "cmake_minimum_required(VERSION 3.10)\nproject(user C)\nfind_package(etcd 0.2 CONFIG REQUIRED)\n",
        "find_package(etcd 0.2 CONFIG REQUIRED)\n", // once more, for a part of a project
        &program("shared", "etcd::etcd"),
        &program("archive", "etcd::etcd-static"),
    ];
    fs::write(folder.path().join("CMakeLists.txt"), lists.concat()).unwrap();
    let build = folder.path().join("build");
    let prefix = format!("-DCMAKE_PREFIX_PATH={}", place.root().join("usr").display());
    let mut configure = command("cmake");
    run(configure.arg("-S").arg(folder.path()).arg("-B").arg(&build).args([&prefix, "-DCMAKE_C_STANDARD=99"]));
    run(command("cmake").arg("--build").arg(&build));
    for (name, is_shared) in [("shared", true), ("archive", false)] {
        let program = build.join(name);
        let needed = run(command("readelf").args(["-d", "-W"]).arg(&program));
        assert_eq!(needed.contains("[libetcd.so.0]"), is_shared, "{name}: {needed}");
        runs(&mut command(program.to_str().unwrap()));
    }
}

#[test]
fn cmake_finds_the_versions_that_abi_md_promises() {
    let place = Place::installed();
    let folder = Folder::new("versions");
    let next = |minor: bool| {
        let mut parts = Vec::from_iter(VERSION.split('.').map(|part| part.parse::<u32>().expect("it is a number")));
        parts[if minor { 1 } else { 2 }] += 1;
        format!("{}.{}.{}", parts[0], parts[1], parts[2])
    };
    let (patch, minor) = (next(false), next(true));
    let found = [
        "",
        "0.2",
        "0.2.0",
        VERSION,
        &format!("{VERSION} EXACT"),
        "0.1...0.99",
        "0.2...<1.0",
        &format!("0...{VERSION}"),
    ];
    let refused = ["1.0", "1", "0.99", "0.1", &patch, &minor, &format!("0...<{VERSION}"), "0.1.9 EXACT"];
    let mut lists = "cmake_minimum_required(VERSION 3.19)\nproject(user NONE)\n".to_owned();
    for (versions, is_found) in [(&found[..], "NOT "), (&refused[..], "")] {
        for version in versions {
            lists += &format!(
                "unset(etcd_DIR CACHE)\nunset(etcd_FOUND)\nfind_package(etcd {version} CONFIG QUIET)\n\
                 if({is_found}etcd_FOUND)\nmessage(SEND_ERROR \"{version}: found: ${{etcd_FOUND}}\")\nendif()\n"
            );
        }
    }
    fs::write(folder.path().join("CMakeLists.txt"), lists).unwrap();
    let prefix = format!("-DCMAKE_PREFIX_PATH={}", place.root().join("usr").display());
    run(command("cmake").arg("-S").arg(folder.path()).arg("-B").arg(folder.path().join("build")).arg(&prefix));
    let page = read("ABI.md");
    let since = page.split_once("It holds from ").and_then(|(_, rest)| rest.split_once(" on.")).expect("it says so").0;
    let file = read("etcd-config-version.cmake.in");
    assert!(file.contains(&format!("VERSION_LESS \"{since}\")")), "{since}: {file}");
}

#[test]
fn meson_finds_it() {
    let place = Place::installed();
    let folder = Folder::new("meson");
    fs::copy(Path::new(ROOT).join("tests/c/config.c"), folder.path().join("config.c")).unwrap();
    fs::copy(Path::new(ROOT).join("tests/c/check.h"), folder.path().join("check.h")).unwrap();
    let lists = "project('user', 'c', default_options: ['c_std=c99'])\n\
                 executable('program', 'config.c', dependencies: dependency('etcd', version: '>=0.1'))\n";
    fs::write(folder.path().join("meson.build"), lists).unwrap();
    let build = folder.path().join("build");
    let mut setup = command("meson");
    place.with_pkg_config(&mut setup);
    run(setup.arg("setup").arg(&build).arg(folder.path()));
    run(command("meson").arg("compile").arg("-C").arg(&build));
    runs(command(build.join("program").to_str().unwrap()).env("LD_LIBRARY_PATH", place.library("")));
}

#[test]
fn it_is_hardened() {
    let place = Place::installed();
    let files = [place.library(&format!("libetcd.so.{VERSION}")), place.root().join("usr/bin/etcd-v2-to-v3")];
    for file in files {
        let shown = run(command("readelf").args(["-d", "-l", "-W"]).arg(&file));
        let line = |name: &str| shown.lines().find(|line| line.trim().starts_with(name)).map(str::to_owned);
        assert!(shown.contains("GNU_RELRO"), "{shown}");
        assert!(shown.contains("BIND_NOW") || shown.contains("Flags: NOW"), "{shown}");
        let stack = line("GNU_STACK").expect("it says whether the stack can be executed");
        assert!(stack.contains(" RW ") && !stack.contains("RWE"), "{stack}");
        assert!(!shown.contains("TEXTREL"), "{shown}");
    }
}

/// A tenth more than the pages say: so it does not grow unseen, and they stay true.
#[test]
#[cfg(target_arch = "x86_64")]
fn it_is_no_larger_than_the_pages_say() {
    let place = Place::installed();
    let stripped = place.root().join("stripped.so");
    run(command("strip").arg("-o").arg(&stripped).arg(place.library(&format!("libetcd.so.{VERSION}"))));
    for (file, page, before) in [
        (stripped, "benches/README.md", "locks and mirrors came on top, and it is "),
        (place.library("libetcd.a"), "ARCHITECTURE.md", "when there was v2 alone, and is "),
    ] {
        let text = Vec::from_iter(read(page).split_whitespace().map(str::to_owned)).join(" ");
        let said = text.split_once(before).and_then(|(_, rest)| rest.split_once(" MB")).map(|(number, _)| number);
        let said: f64 = said.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{page} says no size"));
        let size = fs::metadata(&file).unwrap().len() as f64 / 1e6;
        println!("{}: {size:.2} MB", file.display());
        assert!(size < 1.1 * said, "{} has {size:.2} MB, and {page} says {said}: is it worth it?", file.display());
    }
}

/// scripts/reproducible.sh goes further, and takes longer.
#[test]
fn it_names_no_path_of_the_machine_that_built_it() {
    let place = Place::installed();
    let home = std::env::var("HOME").expect("a user has a home");
    let target = target_dir();
    let files = [
        place.library(&format!("libetcd.so.{VERSION}")),
        place.library("libetcd.a"),
        place.root().join("usr/bin/etcd-v2-to-v3"),
    ];
    for file in files {
        let bytes = fs::read(&file).unwrap();
        for path in [ROOT, target.to_str().expect("it is UTF-8"), &format!("{home}/")] {
            let is_there = bytes.windows(path.len()).any(|piece| piece == path.as_bytes());
            assert!(!is_there, "{}: {path}", file.display());
        }
    }
}

fn read_installed(place: &Place, name: &str) -> String {
    fs::read_to_string(place.library(name)).expect("it is installed")
}

/// Runs a program of a user's, which must succeed.
#[track_caller]
fn runs(program: &mut Command) {
    static ETCD: Mutex<Option<Etcd>> = Mutex::new(None);
    // One after the other, for they all use the same keys.
    let mut etcd = ETCD.lock().unwrap_or_else(PoisonError::into_inner);
    let etcd = etcd.get_or_insert_with(|| Etcd::start(Version::V3_4));
    assert_eq!(run(program.arg(etcd.port().to_string())), "");
}

/// A file system of its own, into which is installed.
struct Place {
    folder: Folder,
    prefix: String,
    libdir: String,
}

impl Place {
    fn new(prefix: &str, libdir: &str) -> Place {
        Place { folder: Folder::new("root"), prefix: prefix.to_owned(), libdir: libdir.to_owned() }
    }

    /// One that tests share which only read it.
    fn installed() -> &'static Place {
        static INSTALLED: OnceLock<Place> = OnceLock::new();
        INSTALLED.get_or_init(|| {
            let place = Place::new("/usr", "/usr/lib");
            place.make("install");
            place
        })
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    fn library(&self, name: &str) -> PathBuf {
        self.root().join(self.libdir.trim_start_matches('/')).join(name)
    }

    #[track_caller]
    fn make(&self, target: &str) {
        let mut make = make(target);
        make.arg(format!("DESTDIR={}", self.root().display())).arg(format!("PREFIX={}", self.prefix));
        run(make.arg(format!("LIBDIR={}", self.libdir)));
    }

    fn pkg_config(&self, arguments: &[&str]) -> String {
        let mut tool = command("pkg-config");
        self.with_pkg_config(&mut tool);
        // Without these it would leave out what it takes for the system's own.
        tool.env("PKG_CONFIG_ALLOW_SYSTEM_CFLAGS", "1").env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1");
        run(tool.args(arguments).arg("etcd")).trim().to_owned()
    }

    /// Has pkg-config look here, and nowhere else.
    fn with_pkg_config(&self, tool: &mut Command) {
        tool.env("PKG_CONFIG_LIBDIR", self.library("pkgconfig")).env("PKG_CONFIG_SYSROOT_DIR", self.root());
    }

    /// Compiles a user's program the way the README shows.
    #[track_caller]
    fn compile(&self, name: &str, flags: &str) -> PathBuf {
        let program = self.root().join(name);
        let mut compiler = cc("c99");
        run(compiler.arg("-o").arg(&program).arg("tests/c/config.c").args(flags.split_whitespace()));
        program
    }

    /// All that is there, folders left out.
    fn files(&self) -> BTreeSet<String> {
        let found = run(command("find").arg(self.root()).args(["!", "-type", "d", "-printf", "%P\\n"]));
        found.lines().map(str::to_owned).collect()
    }
}
