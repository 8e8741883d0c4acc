//! What `ARCHITECTURE.md` counts and lists is what the sources have: numbers, threads, traits, where crates are named.

use std::collections::BTreeSet;

use support::toolchain::{command, read, run};

/// Words of the page with a number in them, and where the sources have that number.
const NUMBERS: [(&str, &str, &str); 16] = [
    ("| at most 16 each in the process |", "net/resolve/names.rs", "Workers::new(\"etcd-resolve\", 16)"),
    ("| at most 16 each in the process |", "net/srv.rs", "Workers::new(\"etcd-discover\", 16)"),
    ("| at most 16 in the process, each for 5 seconds after its last |", "net/futures.rs", "MAX_CALLS: usize = 16;"),
    (
        "| at most 16 in the process, each for 5 seconds after its last |",
        "net/futures.rs",
        "LINGER: Duration = Duration::from_secs(5);",
    ),
    ("| at most four a client, and none while", "watch/helpers.rs", "MAX_THREADS: usize = 4;"),
    ("does so on one of at most four threads", "watch/helpers.rs", "MAX_THREADS: usize = 4;"),
    ("pause (Backoff; 10 ms at least)", "watch/worker.rs", "LEAST_PAUSE: Duration = Duration::from_millis(10);"),
    ("a watch within 5 s is left", "api/v3/watch/lane.rs", "CREATED_WITHIN: Duration = Duration::from_secs(5);"),
    ("or a thousand events: task Deliver", "api/v3/watch/source.rs", "MANY: usize = 1000;"),
    ("(8 at most an endpoint)", "transport/channels.rs", "MAX_CHANNELS: usize = 8;"),
    (
        "In a busy store polls last 100 ms,",
        "api/v2/watch/poll_timeout.rs",
        "LEAST: Duration = Duration::from_millis(100);",
    ),
    ("than four times what its head took", "api/v2/watch/long_poll.rs", "SLOWNESS: u32 = 4;"),
    ("a sixteenth less than is left", "net/tcp/timeout.rs", "left - left / 16"),
    ("asks at a third of the ttl", "recipes/keeping.rs", "Duration::from_secs(tenure.lease.ttl) / 3"),
    (
        "the four kinds of lock",
        "ffi/fork.rs",
        "handles::lock_all(), _net: net::lock(), log: log::lock(), _process: process::lock()",
    ),
    ("one path is there: `get /version`", "transport/requests.rs", "Request::get(\"/version\")"),
];

#[test]
fn its_numbers_are_the_sources() {
    let page = words(&read("ARCHITECTURE.md"));
    for (said, file, source) in NUMBERS {
        assert!(page.contains(&words(said)), "ARCHITECTURE.md no longer says: {said}");
        assert!(
            words(&read(&format!("src/{file}"))).contains(&words(source)),
            "src/{file} no longer has {source}: is \"{said}\" true?"
        );
    }
    assert_eq!(page.matches("| held over the fork").count(), 4, "the kinds of lock that ffi/fork.rs takes");
}

#[test]
fn its_number_of_test_programs_is_theirs() {
    let found =
        run(command("find").args(["tests", "-maxdepth", "2", "-path", "tests/*.rs", "-not", "-path", "tests/*/*"]));
    let folders = run(command("find").args(["tests", "-maxdepth", "2", "-name", "main.rs"]));
    let said = format!("with what has come since there are {} |", found.lines().count() + folders.lines().count());
    assert!(read("ARCHITECTURE.md").contains(&said), "ARCHITECTURE.md lacks: {said}");
}

#[test]
fn its_threads_are_those_that_are_started() {
    let page = read("ARCHITECTURE.md");
    let rows = page.split("| thread | how many |").nth(1).and_then(|rest| rest.split("\n\n").next());
    let listed: BTreeSet<String> = named(rows.expect("the table of threads"), '`');
    let started: BTreeSet<String> = sources().iter().flat_map(|(_, text)| named(text, '"')).collect();
    // The name of a service, in SRV records.
    let started: BTreeSet<String> = started.into_iter().filter(|name| name != "etcd-client").collect();
    assert_eq!(listed, started);
}

#[test]
fn its_traits_have_the_functions_that_it_lists() {
    let page = read("ARCHITECTURE.md");
    for (name, file) in [("Api", "src/api.rs"), ("Server", "src/transport/server.rs")] {
        let row = page.lines().find(|line| line.starts_with(&format!("| `trait {name}` |"))).expect(name);
        let text = read(file);
        let body = text.split_once(&format!("\npub trait {name}")).and_then(|(_, rest)| rest.split_once("\n}\n"));
        let functions =
            body.expect(name).0.lines().filter_map(|line| line.strip_prefix("    fn ")?.split(['(', '<']).next());
        let functions = Vec::from_iter(functions);
        assert!(functions.len() >= 2, "{name}: {functions:?}");
        for function in functions {
            assert!(row.contains(&format!("`{function}`")), "ARCHITECTURE.md does not list {name}::{function}");
        }
    }
}

#[test]
fn crates_are_named_where_it_says() {
    let page = read("ARCHITECTURE.md");
    for name in ["rustls", "h2"] {
        let (before, _) = page.split_once(&format!(" are all that names `{name}`")).expect(name);
        let sentence = before.rsplit_once("\n\n").expect("a paragraph has a beginning").1;
        let sentence = sentence.rsplit_once(": ").map_or(sentence, |(_, list)| list);
        let listed = Vec::from_iter(sentence.split('`').skip(1).step_by(2));
        let uses = |text: &str| text.contains(&format!("{name}::"));
        for (file, _) in sources().iter().filter(|(_, text)| uses(text)) {
            let is_listed =
                listed.iter().any(|place| file == place || (place.ends_with('/') && file.starts_with(place)));
            assert!(is_listed, "src/{file} names {name}, and ARCHITECTURE.md has it in {listed:?} only");
        }
        for place in listed {
            let is_true = sources().iter().any(|(file, text)| file.starts_with(place) && uses(text));
            assert!(is_true, "{place} does not name {name}");
        }
    }
}

/// Without line breaks, indents, and cases.
fn words(text: &str) -> String {
    Vec::from_iter(text.split_whitespace()).join(" ").to_lowercase()
}

/// Names like `etcd-watch` between two such signs.
fn named(text: &str, sign: char) -> BTreeSet<String> {
    let between = text.split(sign);
    let names = between.filter(|word| {
        word.strip_prefix("etcd-").is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_lowercase()))
    });
    names.map(str::to_owned).collect()
}

/// All files of the library by their path, without their tests.
fn sources() -> Vec<(String, String)> {
    let files =
        run(command("find").args(["src", "-name", "*.rs", "-not", "-path", "*/tests/*", "-not", "-name", "tests.rs"]));
    let read = |file: &str| {
        let text = read(file);
        let code = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or_default();
        (file.trim_start_matches("src/").to_owned(), code.to_owned())
    };
    files.lines().map(read).collect()
}
