//! `make demo`, as a newcomer runs it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::api::{ETCD_RECURSIVE, Endpoint};
use support::etcd::Etcd;
use support::http;
use support::scratch::{self, Folder};
use support::toolchain::{command, make, output, printed, read, run, target_dir};
use support::version::Version;

const END: &str = "That was the tour. What it wrote is deleted again.\n";

#[test]
fn it_brings_its_own_server_and_leaves_nothing_behind() {
    let folder = Folder::new("demo");
    let said = run(&mut demo(&folder));
    assert!(said.ends_with(END), "{said}");
    assert_clean(&folder);
}

#[test]
fn it_uses_the_server_it_is_told_to_and_leaves_its_keys_alone() {
    let (folder, etcd) = (Folder::new("demo"), Etcd::start(Version::V3_5));
    http::put(etcd.port(), "/v2/keys/mine", "value=1").expect("the server answers");
    let said = run(demo(&folder).env("ETCD_ENDPOINT", etcd.url()));
    assert!(said.ends_with(END) && said.contains(&etcd.url()), "{said}");
    let keys = http::get(etcd.port(), "/v2/keys/").expect("the server answers").body;
    assert!(keys.contains("\"/mine\"") && !keys.contains("/foo"), "{keys}");

    http::put(etcd.port(), "/v2/keys/foo", "value=mine").expect("the server answers");
    let refused = output(demo(&folder).env("ETCD_ENDPOINT", etcd.url()));
    assert!(!refused.status.success(), "{}", printed(&refused));
    assert!(printed(&refused).contains("has a key /foo already"), "{}", printed(&refused));
    let keys = http::get(etcd.port(), "/v2/keys/foo").expect("the server answers").body;
    assert!(keys.contains("\"value\":\"mine\""), "{keys}");
    assert_clean(&folder);
}

/// Over v3 it is the same, call by call, but for the statistics of the store.
#[test]
fn it_takes_v3_where_the_server_has_no_v2() {
    let (folder, etcd) = (Folder::new("demo"), Etcd::start(Version::V3_6));
    let v3 = etcd.client(&[("api", "v3")]);
    v3.set("/mine", "1").ok();
    let said = run(demo(&folder).env("ETCD_ENDPOINT", etcd.url()));
    assert_is_v3(&said);
    assert_eq!(v3.get("/", ETCD_RECURSIVE).ok().len("/node/nodes"), 1, "its own keys are gone");
    let said = run(make("demo-cpp").env("TMPDIR", folder.path()).env("ETCD_ENDPOINT", etcd.url()));
    assert_eq!(said, read("examples/tour.txt").replace("LANGUAGE", "cpp"));

    v3.set("/foo/of/another", "1").ok();
    let refused = output(demo(&folder).env("ETCD_ENDPOINT", etcd.url()));
    assert!(!refused.status.success(), "{}", printed(&refused));
    assert!(printed(&refused).contains("has a key /foo already"), "{}", printed(&refused));
    v3.get("/foo/of/another", 0).ok();
    assert_clean(&folder);
}

#[test]
fn on_v3_it_brings_a_server_of_3_6_and_leaves_nothing_behind() {
    let folder = Folder::new("demo");
    // Whatever server is named elsewhere.
    let said = run(make("demo-v3").env("TMPDIR", folder.path()).env("ETCD_ENDPOINT", "http://127.0.0.1:1"));
    assert_is_v3(&said);
    assert!(said.contains("\"etcdserver\":\"3.6."), "{said}");
    assert_clean(&folder);
}

#[track_caller]
fn assert_is_v3(said: &str) {
    assert!(said.ends_with(END) && said.contains(r#"{"api":"v3"}"#) && said.contains("error 1010"), "{said}");
}

#[test]
fn it_says_what_is_wrong_with_a_server_it_cannot_use() {
    let folder = Folder::new("demo");
    for (endpoint, word) in [
        ("http://127.0.0.1:1", "No endpoint could be reached"),
        ("https://127.0.0.1:1", "must be http://host:port"),
        ("http://127.0.0.1:1/prefix", "must be http://host:port"),
        ("http://h:abc", "must be http://host:port"),
        ("http://h:65536", "must be http://host:port"),
        ("http://h:", "must be http://host:port"),
    ] {
        let refused = output(demo(&folder).env("ETCD_ENDPOINT", endpoint));
        let said = printed(&refused);
        assert!(!refused.status.success() && said.contains(word), "{endpoint}: {said}");
    }
    assert_clean(&folder);
}

#[test]
fn compilers_may_be_several_words_and_cargo_a_path() {
    let folder = Folder::new("demo");
    // The library itself is built with the usual ones: for others all would be compiled once more.
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).expect("it is ours");
    let script = format!("#!/bin/sh\nunset CC CXX\nexec make \"$@\" CARGO_TARGET_DIR='{}'\n", target_dir().display());
    fs::write(bin.join("make"), script).expect("it is ours");
    fs::set_permissions(bin.join("make"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    for (arguments, expected) in
        [(&[][..], END.to_owned()), (&["cpp"], read("examples/tour.txt").replace("LANGUAGE", "cpp"))]
    {
        let mut demo = command("examples/demo.sh");
        demo.args(arguments).env("TMPDIR", folder.path()).env_remove("ETCD_ENDPOINT").env("MAKE", bin.join("make"));
        let output = output(demo.env("CC", "env cc -O0").env("CXX", "env c++ -O0"));
        // Nothing of what it does in between goes wrong, like `grep: ...: No such file or directory`.
        let toured = String::from_utf8_lossy(&output.stdout).ends_with(&expected);
        assert!(toured && !printed(&output).contains("No such file"), "{}", printed(&output));
    }

    // Where no cargo is in PATH.
    let cargo = std::env::var("CARGO").expect("Cargo runs this");
    let path = std::env::var("PATH").expect("there is a PATH");
    let others: Vec<&str> = path.split(':').filter(|folder| !Path::new(folder).join("cargo").exists()).collect();
    let said = run(demo(&folder).env("PATH", others.join(":")).env_remove("RUSTC").arg(format!("CARGO={cargo}")));
    assert!(said.ends_with(END), "{said}");
    assert_clean(&folder);
}

#[test]
fn it_stops_its_server_when_it_is_interrupted() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let folder = Folder::new("demo");
        let mut demo = demo(&folder);
        demo.env("PATH", path_with_a_tour_without_end(&folder)).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut demo = scratch::spawn({
            demo.process_group(0);
            demo
        })
        .expect("make starts");
        let mut said = BufReader::new(demo.stdout.take().expect("it is piped")).lines();
        said.find(|line| line.as_ref().is_ok_and(|line| line == "under way")).expect("the tour starts").unwrap();
        assert_eq!(servers(&folder).len(), 1);

        // As a terminal sends it: to all at once.
        // SAFETY: a system call on plain numbers.
        assert_eq!(unsafe { libc::kill(-i32::try_from(demo.id()).unwrap(), signal) }, 0);
        assert!(!demo.wait().expect("it is our child").success());
        assert_eq!(said.count(), 0, "its end of the pipe stays open until all have ended");
        assert_clean(&folder);
    }
}

/// `make demo` with all that it makes in `folder`.
fn demo(folder: &Folder) -> Command {
    let mut make = make("demo");
    make.env("TMPDIR", folder.path()).env_remove("ETCD_ENDPOINT");
    make
}

#[track_caller]
fn assert_clean(folder: &Folder) {
    assert_eq!(servers(folder), Vec::<PathBuf>::new());
    let left = fs::read_dir(folder.path()).expect("it is ours").map(|entry| entry.unwrap().file_name());
    assert_eq!(left.filter(|name| name != "bin").collect::<Vec<_>>(), Vec::<std::ffi::OsString>::new());
}

/// The processes that have their data below `folder`.
fn servers(folder: &Folder) -> Vec<PathBuf> {
    let data = format!("--data-dir\0{}/", folder.path().display());
    let processes = fs::read_dir("/proc").expect("Linux").filter_map(|entry| Some(entry.ok()?.path()));
    processes
        .filter(|process| fs::read_to_string(process.join("cmdline")).is_ok_and(|line| line.contains(&data)))
        .collect()
}

/// A PATH in which the C compiler makes a tour that lasts until it is stopped.
fn path_with_a_tour_without_end(folder: &Folder) -> String {
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).expect("it is ours");
    let path = std::env::var("PATH").expect("there is a PATH");
    let real = path.split(':').map(|folder| Path::new(folder).join("cc")).find(|cc| cc.exists()).expect("a C compiler");
    let script = format!(
        "#!/bin/sh\ncase \" $* \" in *\" examples/tour.c \"*) ;; *) exec {} \"$@\" ;; esac\n\
         while [ \"$1\" != -o ]; do shift; done\n\
         printf '#!/bin/sh\\necho under way\\nexec sleep 1000\\n' >\"$2\" && chmod +x \"$2\"\n",
        real.display()
    );
    fs::write(bin.join("cc"), script).expect("it is ours");
    fs::set_permissions(bin.join("cc"), fs::Permissions::from_mode(0o755)).expect("it is ours");
    format!("{}:{path}", bin.display())
}
