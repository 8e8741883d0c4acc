//! `examples/migrate.c`, which is installed as etcd-v2-to-v3: from v2 to v3 on real servers.

use std::process::Output;

use support::api::*;
use support::etcd::{ELECTION, Etcd};
use support::program::Program;
use support::toolchain::{output, printed};
use support::version::Version;
use support::{http, wait_until};

/// How many keys and directories `fill` makes, the hidden ones included.
const ALL: usize = 11;
const HIDDEN: [&str; 2] = ["--hidden", "/_secret"];

#[test]
fn a_tree_is_copied_verified_and_emptied_on_one_server() {
    let (program, etcd) = (Program::compile("examples/migrate.c"), Etcd::start(Version::V3_4));
    let (v2, v3) = (etcd.client(&[("api", "v2")]), etcd.client(&[("api", "v3")]));
    let jobs = fill(&v2);
    let migrate = |options: &[&str]| output(&mut program.command(&[&HIDDEN, options, &[&etcd.url()]].concat()));

    let dry = ends(migrate(&["--dry-run"]), 0);
    for line in ["create /app/session (1 bytes, ttl ", "create /app/nothing/\n", "create /_secret/key (6 bytes)\n"] {
        assert!(dry.contains(line), "{line}: {dry}");
    }
    assert!(dry.contains(&format!("v3: {ALL} of {ALL} would be created")), "{dry}");
    assert!(dry.contains("/app/passing: note: a directory of v3's has no ttl"), "{dry}");
    assert!(!v3.exists("/app").unwrap() && !v3.exists("/_secret").unwrap());

    let copied = ends(migrate(&[]), 0);
    assert!(copied.contains(&format!("v3: {ALL} of {ALL} were created")), "{copied}");
    assert!(copied.contains(&format!("verified: v3 has all {ALL}")), "{copied}");
    let index = v3.get("/", 0).ok().int("/header/etcdIndex");
    let again = ends(migrate(&[]), 0);
    assert!(again.contains(&format!("v3: 0 of {ALL} were created, 0 overwritten, {ALL} there already")), "{again}");
    assert_eq!(v3.get("/", 0).ok().int("/header/etcdIndex"), index, "nothing is written twice");
    assert_copied(&v3, &jobs);
    let next = v3.set_with("/app/queue", "third", 0, ETCD_ORDERED).ok().text("/node/key").expect("a name");
    assert!(next > jobs[1], "{next}");

    assert!(v2.exists("/app/name").unwrap(), "v2 is left as it is, unless it is asked to be emptied");
    let emptied = ends(migrate(&["--empty-v2"]), 0);
    assert!(emptied.contains(&format!("v2: {ALL} of {ALL} deleted")), "{emptied}");
    assert!(v2.get("/", ETCD_RECURSIVE).ok().len("/node/nodes") <= 0);
    assert!(!v2.exists("/_secret").unwrap());
    assert_copied(&v3, &jobs);
}

#[test]
fn what_v3_holds_is_overwritten_only_where_that_is_asked_for() {
    let program = Program::compile("examples/migrate.c");
    let (old, new) = (Etcd::start(Version::V3_5), Etcd::start(Version::V3_6));
    let (v2, v3) = (old.client(&[("api", "v2")]), new.client(&[("api", "v3")]));
    let jobs = fill(&v2);
    v3.set("/app/name", "newer").ok();
    v3.set("/app/nothing", "a value where v2 has a directory").ok();
    v3.set("/app/session", "1").ok(); // but without a ttl
    let migrate =
        |options: &[&str]| output(&mut program.under_valgrind(&[&HIDDEN, options, &[&old.url(), &new.url()]].concat()));

    let kept = ends(migrate(&["--empty-v2"]), 1);
    for key in ["/app/name", "/app/nothing", "/app/session"] {
        assert!(kept.contains(&format!("{key}: v3 holds something else there")), "{kept}");
        assert!(kept.contains(&format!("{key}: verified: v3 differs from v2")), "{kept}");
    }
    assert!(kept.contains("v2 is not emptied") && v2.exists("/app/name").unwrap(), "{kept}");
    assert_eq!(v3.get("/app/name", 0).ok().text("/node/value").as_deref(), Some("newer"));

    let dry = ends(migrate(&["--overwrite", "--dry-run"]), 0);
    assert!(dry.contains("overwrite /app/name (15 bytes)\n") && dry.contains("3 overwritten"), "{dry}");
    assert_eq!(v3.get("/app/name", 0).ok().text("/node/value").as_deref(), Some("newer"));
    let overwritten = ends(migrate(&["--overwrite"]), 0);
    assert!(overwritten.contains("3 overwritten"), "{overwritten}");
    assert_copied(&v3, &jobs);

    // What is no text in v3 is not the text that JSON writes for it.
    v2.set("/text", "\"a\\u0000b\"").ok();
    let put = r#"{"key":"L3RleHQ=","value":"YQBi"}"#; // /text, and a, NUL, b
    assert_eq!(http::post(new.port(), "/v3/kv/put", put).expect("an answer").status, 200);
    assert!(ends(migrate(&[]), 1).contains("/text: v3 holds something else there"));
    v2.delete("/text").ok();

    // A tree is never deleted for the sake of one value.
    v2.set("/other", "1").ok();
    v3.set("/other/below", "1").ok();
    let refused = ends(migrate(&["--overwrite"]), 1);
    assert!(refused.contains("/other: v3 has a directory where v2 has a value"), "{refused}");
    v3.get("/other/below", 0).ok();
}

#[test]
fn what_was_not_copied_is_not_deleted() {
    let (program, etcd) = (Program::compile("examples/migrate.c"), Etcd::start(Version::V3_4));
    let (v2, v3) = (etcd.client(&[("api", "v2")]), etcd.client(&[("api", "v3")]));
    v2.set("/app/_unnamed", "1").ok();
    v2.set("/app/name", "1").ok();
    let said = ends(output(&mut program.command(&["--empty-v2", &etcd.url()])), 1);
    assert!(said.contains("/app: is left in v2") && said.contains("--hidden KEY"), "{said}");
    assert!(v2.exists("/app/_unnamed").unwrap() && !v2.exists("/app/name").unwrap() && v3.exists("/app/name").unwrap());

    v2.request("PUT", "/v2/keys/nul", Some("value=a%00b"));
    let large = "x".repeat(1536 * 1024);
    v2.set("/large", &large).ok();
    let dry = ends(output(&mut program.command(&["--dry-run", &etcd.url()])), 1);
    assert!(dry.contains("/nul: holds the character U+0000") && dry.contains("/large: is larger"), "{dry}");
    let said = ends(output(&mut program.command(&["--empty-v2", &etcd.url()])), 1);
    assert!(said.contains("/nul: holds the character U+0000") && said.contains("/large: cannot be created"), "{said}");
    assert!(v2.exists("/nul").unwrap() && v2.exists("/large").unwrap());
}

#[test]
fn wrong_usage_is_2_and_a_server_without_v2_is_1() {
    let program = Program::compile("examples/migrate.c");
    for (arguments, word) in [
        (&[][..], "SOURCE is missing"),
        (&["--no-such-option", "http://127.0.0.1:1"], "not an option: --no-such-option"),
        (&["a", "b", "c"], "one argument too many: c"),
        (&["http://127.0.0.1:1", "--hidden"], "needs one more argument: --hidden"),
        (&["--set", "username", "http://127.0.0.1:1"], "not NAME=VALUE: username"),
        (&["--set", "no.such=1", "http://127.0.0.1:1"], "no.such"),
        (&["nonsense://"], "endpoints"),
    ] {
        let said = ends(output(&mut program.command(arguments)), 2);
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
    assert!(ends(output(&mut program.command(&["--help"])), 0).starts_with("usage: "));
    let etcd = Etcd::start(Version::V3_6);
    let said = ends(output(&mut program.command(&[&etcd.url()])), 1);
    assert!(said.contains("error 1010"), "{said}");
}

/// The story of the README, on one data directory.
#[test]
fn the_data_is_in_place_after_the_upgrades_to_3_6() {
    let program = Program::compile("examples/migrate.c");
    let etcd = Etcd::start_with(Version::V3_4, &["--snapshot-count=5"]);
    let v3 = etcd.client(&[("api", "v3")]);
    let jobs = fill(&etcd.client(&[("api", "v2")]));
    ends(output(&mut program.command(&[&HIDDEN, &["--empty-v2", &*etcd.url()][..]].concat())), 0);

    etcd.restart_as(Version::V3_5);
    // Waiting for the start has asked for /health, which stands in the log as a request of v2's.
    cover_by_snapshot(&etcd, &v3);
    etcd.restart_as(Version::V3_6);
    wait_until(ELECTION, "the server answers", || v3.get("/app", 0).code() == 0);
    assert_copied(&v3, &jobs);
    let auto = etcd.client(&[("api", "auto")]);
    assert!(auto.server_version().ok().text("/etcdserver").is_some_and(|version| version.starts_with("3.6.")));
    assert_eq!(auto.api().ok().text("/api").as_deref(), Some("v3"));
}

/// Writes over v3 until a snapshot is later than all requests of v2's.
fn cover_by_snapshot(etcd: &Etcd, v3: &Client) {
    let saved = || etcd.log().matches("saved snapshot").count();
    let before = saved();
    wait_until(ELECTION, "snapshots are saved", || {
        v3.set("/covered", "1").ok();
        saved() > before + 1
    });
}

/// Writes a tree over v2, and returns the keys of the jobs in its queue.
fn fill(v2: &Client) -> [String; 2] {
    v2.set("/app/name", "Hallo \"W\u{f6}rld\"\n").ok();
    v2.set("/app/empty", "").ok();
    v2.createdir("/app/nothing").ok();
    v2.createdir_with("/app/passing", 600).ok();
    v2.set_with("/app/session", "1", 600, 0).ok();
    v2.set("/_secret/key", "hidden").ok();
    ["first", "second"]
        .map(|job| v2.set_with("/app/queue", job, 0, ETCD_ORDERED).ok().text("/node/key").expect("its name"))
}

#[track_caller]
fn assert_copied(v3: &Client, jobs: &[String; 2]) {
    let values = [
        ("/app/name", "Hallo \"W\u{f6}rld\"\n"),
        ("/app/empty", ""),
        ("/app/session", "1"),
        ("/_secret/key", "hidden"),
        (&jobs[0], "first"),
        (&jobs[1], "second"),
    ];
    for (key, value) in values {
        let reply = v3.get(key, ETCD_QUORUM).ok();
        assert_eq!(reply.text("/node/value").as_deref(), Some(value), "{key}");
        assert_eq!((1..=600).contains(&reply.int("/node/ttl")), key == "/app/session", "{reply}");
    }
    for directory in ["/app/nothing", "/app/passing"] {
        assert_eq!(v3.get(directory, 0).ok().text("/node/dir").as_deref(), Some("true"), "{directory}");
    }
}

/// What it printed, on both ways.
#[track_caller]
fn ends(output: Output, status: i32) -> String {
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(status), "{said}");
    said
}
