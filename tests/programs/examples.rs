//! The examples in C that need no more than a server: compiled and run as a user would, and once
//! more under valgrind. (`tests/tls` has those for guarded clusters.)

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use support::api::{ETCD_ERROR_KEY_NOT_FOUND, ETCD_QUORUM, ETCD_RECURSIVE, Endpoint};
use support::etcd::Etcd;
use support::program::Program;
use support::toolchain::run;
use support::version::Version;
use support::{PATIENCE, http, on_each, scratch, wait_until};

#[test]
fn the_tour_comes_to_its_end_and_leaves_nothing_behind() {
    let program = Program::compile("examples/tour.c");
    // None of those that others use, too: the tour goes nowhere where its keys are, and Julia's tests write the same.
    for etcd in Version::all_with_v2().map(Etcd::start) {
        let port = etcd.port().to_string();
        let arguments = ["127.0.0.1", &port];
        for mut command in [program.command(&arguments), program.under_valgrind(&arguments)] {
            let printed = run(&mut command);
            assert!(printed.ends_with("That was the tour. What it wrote is deleted again.\n"), "{printed}");
        }
        let left = http::get(etcd.port(), "/v2/keys/").expect("the server answers").body;
        assert!(!left.contains("/foo"), "{left}");
    }
}

#[test]
fn the_tour_makes_the_same_calls_over_v3() {
    let program = Program::compile("examples/tour.c");
    let [old, new] = [Version::V3_4, Version::V3_6].map(Etcd::start);
    let [over_v2, over_v3] = [&old, &new].map(|etcd| {
        let said = run(&mut program.under_valgrind(&["127.0.0.1", &etcd.port().to_string()]));
        assert!(said.contains(if etcd.version().has_v2() { r#"{"api":"v2"}"# } else { r#"{"api":"v3"}"# }), "{said}");
        let calls = said.lines().filter(|line| line.starts_with("etcd_") && !line.starts_with("etcd_connect"));
        calls.map(str::to_owned).collect::<Vec<_>>()
    });
    assert_eq!(over_v2, over_v3);
    assert!(over_v3.len() > 25, "{over_v3:?}");
    assert!(new.client(&[("api", "v3")]).get("/", 0).ok().len("/node/nodes") <= 0, "nothing is left behind");
}

#[test]
fn the_watch_example_prints_changes_until_it_is_interrupted() {
    let program = Program::compile("examples/watch.c");
    on_each(|etcd, client, directory| {
        let port = etcd.port().to_string();
        let arguments = [directory, "127.0.0.1", &port];
        for command in [program.command(&arguments), program.under_valgrind(&arguments)] {
            let mut example = Running::start(command);
            example.says(&format!("watching {directory}"));
            client.set(&format!("{directory}/colour"), "blue").ok();
            client.set(&format!("{directory}x"), "not below it").ok();
            client.delete(&format!("{directory}/colour")).ok();
            example.says(&format!("set {directory}/colour = blue"));
            example.says(&format!("delete {directory}/colour"));
            example.interrupt();
            example.says("changes seen: 2");
            example.ends(0);
        }
        client.deletedir(directory, ETCD_RECURSIVE).ok();
    });
}

#[test]
fn the_watch_example_ends_where_nothing_can_be_watched() {
    let program = Program::compile("examples/watch.c");
    let etcd = Etcd::start_with(Version::V3_5, &["--enable-v2=false"]);
    let mut example = Running::start(program.command(&["/a", "127.0.0.1", &etcd.port().to_string()]));
    example.says("watching /a");
    example.says("changes seen: 0");
    example.ends(1);
}

#[test]
fn the_poll_example_watches_several_keys_and_its_input() {
    let program = Program::compile("examples/watch_poll.c");
    on_each(|etcd, client, directory| {
        let (a, b, port) = (format!("{directory}/a"), format!("{directory}/b"), etcd.port().to_string());
        let arguments = ["127.0.0.1", &port, &a, &b];
        for command in [program.command(&arguments), program.under_valgrind(&arguments)] {
            let mut example = Running::start(command);
            example.says("watching");
            // A line that comes in two pieces, and two that come at once.
            for piece in [format!("{a} Hello"), format!(" World\n{b}/deep 1\n")] {
                example.types(&piece);
            }
            let mut said = [example.line(), example.line()];
            said.sort(); // two watches: either may be first
            assert!(said[0].starts_with(&format!(r#"{a}: set {{"key":"{a}","value":"Hello World","#)), "{said:?}");
            assert!(said[1].starts_with(&format!(r#"{b}: set {{"key":"{b}/deep","value":"1","#)), "{said:?}");
            client.delete(&a).ok();
            assert!(example.line().starts_with(&format!("{a}: delete ")));
            example.input = None;
            example.ends(0);
        }
        client.deletedir(directory, ETCD_RECURSIVE).ok();
    });
}

#[test]
fn the_configuration_example_follows_etcd() {
    let program = Program::compile("examples/config.c");
    let new = Etcd::start(Version::V3_6);
    let servers = [(&Etcd::shared()[0], "v2"), (&new, "v3")];
    for (etcd, api) in servers {
        println!("over {api}:");
        let (client, port) = (etcd.client(&[("api", api)]), etcd.port().to_string());
        let arguments = ["127.0.0.1", &port, "/config_example"];
        for command in [program.command(&arguments), program.under_valgrind(&arguments)] {
            client.set("/config_example/colour", "blue").ok();
            let mut example = Running::start(command);
            example.says("colour is blue");
            example.says("ready");
            client.set("/config_example/size", "7").ok();
            example.says("size is 7");
            example.types("size\nnothing\n");
            example.says("size is 7");
            example.says("nothing is not set");
            client.delete("/config_example/colour").ok();
            example.says("colour is not set");
            example.input = None;
            example.ends(0);
            client.deletedir("/config_example", ETCD_RECURSIVE).ok();
        }
    }
}

#[test]
fn the_queue_example_does_each_job_once_though_its_workers_are_killed() {
    let program = &Program::compile("examples/queue.c");
    let etcd = Etcd::start(Version::V3_6);
    let (client, port) = (etcd.client(&[("api", "v3")]), &etcd.port().to_string());
    let amounts = Vec::from_iter((1..=90).map(|amount| amount.to_string()));
    let arguments = ["127.0.0.1", port, "add"].into_iter().chain(amounts.iter().map(String::as_str));
    run(&mut program.under_valgrind(&Vec::from_iter(arguments)));
    let work = || {
        let mut worker = Running::start(program.command(&["127.0.0.1", port, "work"]));
        worker.says("working");
        worker
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for life in 0..4 {
                    let mut worker = work();
                    // Wherever it is by then.
                    (0..2 + life).for_each(|_| assert!(worker.line().starts_with("booked ")));
                    worker.kill();
                }
            });
        }
    });
    // Claims of those that were killed have a time to live.
    let mut last = work();
    wait_until(PATIENCE, "all jobs are done", || client.get("/queue/todo", ETCD_QUORUM).len("/node/nodes") <= 0);
    last.kill();
    assert_eq!(client.get("/queue/account", ETCD_QUORUM).text("/node/value").as_deref(), Some("4095"));
    assert_eq!(client.get("/queue/done", ETCD_QUORUM).len("/node/nodes"), 90);
    client.get("/queue/claims", ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
}

#[test]
fn the_registering_example_stays_registered_until_it_withdraws() {
    let program = Program::compile("examples/register.c");
    for (version, api) in [(Version::V3_5, "v2"), (Version::V3_6, "v3")] {
        let etcd = Etcd::start(version);
        let (client, port) = (etcd.client(&[("api", api)]), etcd.port().to_string());
        let arguments = ["127.0.0.1", &port, "/services/web/1", "10.0.0.1:80", "9"];
        for command in [program.command(&arguments), program.under_valgrind(&arguments)] {
            let mut example = Running::start(command);
            example.says("registered");
            let registered = client.get("/services/web/1", ETCD_QUORUM).ok();
            assert_eq!(registered.text("/node/value").as_deref(), Some("10.0.0.1:80"));
            let mut second = program.command(&arguments);
            assert_eq!(second.output().expect("it starts").status.code(), Some(1), "the key is taken");
            client.delete("/services/web/1").ok();
            let mut line = example.line();
            if line.starts_with("not registered: ") {
                line = example.line(); // it may look in between
            }
            assert_eq!(line, "registered again (1)");
            client.get("/services/web/1", ETCD_QUORUM).ok();
            example.interrupt();
            example.says("withdrawn");
            example.ends(0);
            client.get("/services/web/1", ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
        }
    }
}

/// Its ttl is ten minutes, so nothing but the withdrawal takes the key away.
#[test]
fn the_registering_example_withdraws_at_once_when_it_is_terminated() {
    let program = Program::compile("examples/register.c");
    for (version, api) in [(Version::V3_4, "v2"), (Version::V3_7, "v3")] {
        let etcd = Etcd::start(version);
        let (client, port) = (etcd.client(&[("api", api)]), etcd.port().to_string());
        let arguments = ["127.0.0.1", &port, "/services/web/1", "10.0.0.1:80", "600"];
        for command in [program.command(&arguments), program.under_valgrind(&arguments)] {
            let mut example = Running::start(command);
            example.says("registered");
            client.get("/services/web/1", ETCD_QUORUM).ok();
            example.signal(libc::SIGTERM);
            example.says("withdrawn");
            client.get("/services/web/1", ETCD_QUORUM).fails(ETCD_ERROR_KEY_NOT_FOUND);
            example.ends(0);
        }
    }
}

/// At once: when it says so its place in the line is gone, and nobody's ttl had to pass.
#[test]
fn the_leading_example_hands_over_at_once() {
    let program = Program::compile("examples/leader.c");
    for (version, signal) in [(Version::V3_5, libc::SIGTERM), (Version::V3_6, libc::SIGINT)] {
        let etcd = Etcd::start(version);
        let (client, port) = (etcd.client(&[("api", "auto")]), etcd.port().to_string());
        let is_in_line = |me: &str| {
            let line = client.get("/leader", ETCD_QUORUM);
            let mut values = (0..line.len("/node/nodes")).map(|i| line.text(&format!("/node/nodes/{i}/value")));
            values.any(|value| value.expect("a candidate has one").ends_with(me)) // over v2 behind a mark
        };
        let one = ["127.0.0.1", &port, "/leader", "one"];
        let two = ["127.0.0.1", &port, "/leader", "two"];
        let mut first = Running::start(program.command(&one));
        let led = first.leads();
        let mut second = Running::start(program.under_valgrind(&two));
        wait_until(PATIENCE, "the second stands in line", || is_in_line("two"));
        assert!(is_in_line("one"));
        first.signal(signal);
        first.hands_over();
        assert!(!is_in_line("one"), "{}", client.get("/leader", ETCD_QUORUM));
        assert!(second.leads() > led);
        second.signal(signal);
        second.hands_over();
        assert!(!is_in_line("two"), "{}", client.get("/leader", ETCD_QUORUM));
    }
}

#[test]
fn the_locking_example_counts_each_run_once() {
    let program = Program::compile("examples/lock.c");
    let etcd = Etcd::start(Version::V3_6);
    let port = etcd.port().to_string();
    let arguments = ["127.0.0.1", &port, "/locks/counter", "/counter"];
    let first = run(&mut program.under_valgrind(&arguments));
    assert!(first.starts_with("1, by the holder with token "), "{first}");
    let runs = Vec::from_iter((0..4).map(|_| Running::start(program.command(&arguments))));
    for mut example in runs {
        assert!(example.line().contains(", by the holder with token "));
        example.ends(0);
    }
    let counted = etcd.client(&[("api", "v3")]).get("/counter", ETCD_QUORUM).ok();
    assert_eq!(counted.text("/node/value").as_deref(), Some("5"));
}

/// A program under way, with its input and output.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Running {
    fn start(mut command: Command) -> Running {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = scratch::spawn(command).expect("it starts");
        let output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Running { input: child.stdin.take(), output, child }
    }

    #[track_caller]
    fn line(&mut self) -> String {
        self.output.next().expect("another line").expect("UTF-8")
    }

    #[track_caller]
    fn says(&mut self, line: &str) {
        assert_eq!(self.line(), line);
    }

    fn types(&mut self, text: &str) {
        self.input.as_mut().expect("it is open").write_all(text.as_bytes()).expect("it reads");
    }

    fn kill(&mut self) {
        self.child.kill().expect("it is ours to kill");
        self.child.wait().expect("it ends");
    }

    /// Waits until it leads, and returns the token. With a ttl of five seconds a busy machine may lose it its place.
    #[track_caller]
    fn leads(&mut self) -> u64 {
        loop {
            let line = self.line();
            match line.strip_prefix("leading, token ") {
                Some(token) => return token.parse().expect("a number"),
                None => assert!(["waiting", "lost"].contains(&&*line), "{line}"),
            }
        }
    }

    /// Waits until it has handed over, and ends.
    #[track_caller]
    fn hands_over(&mut self) {
        let mut line = self.line();
        while line != "handed over" {
            assert!(["waiting", "lost"].contains(&&*line) || line.starts_with("leading, "), "{line}");
            line = self.line();
        }
        self.ends(0);
    }

    #[track_caller]
    fn interrupt(&self) {
        self.signal(libc::SIGINT);
    }

    #[track_caller]
    fn signal(&self, signal: i32) {
        // SAFETY: a system call on plain numbers; the child has not been waited for, so its number is its own.
        assert_eq!(unsafe { libc::kill(self.child.id() as i32, signal) }, 0);
    }

    #[track_caller]
    fn ends(&mut self, status: i32) {
        assert_eq!(self.output.next().map(Result::unwrap), None);
        assert_eq!(self.child.wait().expect("it is our child").code(), Some(status));
    }
}
