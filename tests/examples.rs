//! The examples in C that need no more than a server: compiled as a user would, run as a person would use them, and once
//! more under valgrind. (`tests/tls` has those for guarded clusters.)

#[path = "support/program.rs"]
mod program;
mod support;
mod toolchain;

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use program::Program;
use support::api::ETCD_RECURSIVE;
use support::etcd::{Etcd, Version};
use support::{http, on_each, scratch};
use toolchain::run;

#[test]
fn the_tour_comes_to_its_end_and_leaves_nothing_behind() {
    let program = Program::compile("examples/tour.c");
    for etcd in Etcd::shared() {
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
fn the_watch_example_prints_what_changes_until_it_is_interrupted() {
    let program = Program::compile("examples/watch.c");
    on_each(|etcd, client, directory| {
        let port = etcd.port().to_string();
        let arguments = [directory, "127.0.0.1", &port];
        for command in [program.command(&arguments), program.under_valgrind(&arguments)] {
            let mut example = Running::start(command);
            example.says(&format!("watching {directory}"));
            client.set(&format!("{directory}/colour"), "blue", 0, 0).ok();
            client.set(&format!("{directory}x"), "not below it", 0, 0).ok();
            client.delete(&format!("{directory}/colour")).ok();
            example.says(&format!("set {directory}/colour = blue"));
            example.says(&format!("delete {directory}/colour"));
            // SAFETY: a system call on plain numbers; the child has not been waited for, so its number is its own.
            assert_eq!(unsafe { libc::kill(example.child.id() as i32, libc::SIGINT) }, 0);
            example.says("changes seen: 2");
            example.ends(0);
        }
        client.deletedir(directory, ETCD_RECURSIVE).ok();
    });
}

#[test]
fn the_watch_example_ends_by_itself_where_nothing_can_be_watched() {
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
                example.input.as_mut().expect("it is open").write_all(piece.as_bytes()).expect("it reads");
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

    #[track_caller]
    fn ends(&mut self, status: i32) {
        assert_eq!(self.output.next().map(Result::unwrap), None);
        assert_eq!(self.child.wait().expect("it is our child").code(), Some(status));
    }
}
