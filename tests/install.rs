//! `make install` and `make uninstall`: what they put where, and that programs are built with it and run.

mod support;
mod toolchain;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use support::etcd::{Etcd, Version};
use support::scratch::Folder;
use toolchain::{cc, command, declared, exported, make, read, run};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn it_puts_each_file_in_its_place_and_uninstall_removes_just_these() {
    let place = Place::new("/opt/etcd", "/opt/etcd/lib64");
    let shared = format!("opt/etcd/lib64/libetcd.so.{VERSION}");
    let expected = [
        "opt/etcd/include/etcd.h",
        "opt/etcd/include/etcd.hpp",
        "opt/etcd/lib64/libetcd.a",
        "opt/etcd/lib64/libetcd.so",
        "opt/etcd/lib64/libetcd.so.0",
        &shared,
        "opt/etcd/lib64/pkgconfig/etcd.pc",
    ];
    let other = place.root().join("opt/etcd/lib64/libother.so");
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, "not ours").unwrap();

    place.make("install");
    place.make("install"); // once more changes nothing
    let expected: BTreeSet<String> = expected.iter().map(|name| (*name).to_owned()).collect();
    let mut there = place.files();
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
fn the_library_that_is_installed_exports_just_the_headers_functions() {
    let place = Place::installed();
    assert_eq!(exported(&place.library(&format!("libetcd.so.{VERSION}"))), declared());
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
        tool.env("PKG_CONFIG_LIBDIR", self.library("pkgconfig")).env("PKG_CONFIG_SYSROOT_DIR", self.root());
        // Without these it would leave out what it takes for the system's own.
        tool.env("PKG_CONFIG_ALLOW_SYSTEM_CFLAGS", "1").env("PKG_CONFIG_ALLOW_SYSTEM_LIBS", "1");
        run(tool.args(arguments).arg("etcd")).trim().to_owned()
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
