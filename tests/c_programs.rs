//! The programs in `tests/c/`, and the tour: compiled as a user would, run with servers of each version, and run once
//! more under valgrind.

mod support;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::etcd::Etcd;
use support::scratch::Folder;
use toolchain::{cc, command, cxx, run, shared_library};

#[test]
fn a_configuration_is_read_key_by_key_and_as_a_tree() {
    Program::compile("tests/c/config.c").runs_well();
}

#[test]
fn a_lock_is_held_by_one_refreshed_by_its_holder_and_lost_in_time() {
    Program::compile("tests/c/lock.c").runs_well();
}

#[test]
fn threads_that_count_by_compare_and_swap_lose_no_step() {
    Program::compile("tests/c/counter.c").runs_well();
}

#[test]
fn a_queue_is_emptied_in_the_order_it_was_filled() {
    Program::compile("tests/c/queue.c").runs_well();
}

#[test]
fn a_tree_is_walked_without_a_json_library() {
    Program::compile("tests/c/walk.c").runs_well();
}

#[test]
fn every_error_of_a_healthy_server_can_be_told_apart() {
    Program::compile("tests/c/errors.c").runs_well();
}

#[test]
fn every_failure_of_a_server_can_be_told_apart_and_none_ends_the_program() {
    let program = Program::compile("tests/c/failures.c");
    // It has servers of its own.
    run(&mut program.command(&[]));
    run(&mut program.under_valgrind(&[]));
}

#[test]
fn children_go_on_with_their_parents_client() {
    Program::compile("tests/c/forked.c").runs_and_forks_well();
}

#[test]
fn a_child_may_disconnect_its_parents_client_and_the_parents_goes_on() {
    Program::compile("tests/c/prefork.c").runs_and_forks_well();
}

#[test]
fn the_log_goes_where_the_program_wants_it() {
    Program::compile("tests/c/log.c").runs_well();
}

#[test]
fn the_library_can_be_loaded_dropped_and_loaded_again() {
    Program::compile("tests/c/plugin.c").runs_well();
}

#[test]
fn cpp_frees_it_all_by_itself() {
    Program::compile("tests/c/raii.cpp").runs_well();
}

#[test]
fn a_program_watches_until_it_has_seen_enough() {
    Program::compile("tests/c/watch_push.c").runs_well();
}

#[test]
fn a_program_polls_several_watches_at_once() {
    Program::compile("tests/c/watch_poll.c").runs_well();
}

#[test]
fn a_program_stops_its_watches_in_every_way() {
    Program::compile("tests/c/watch_stop.c").runs_well();
}

#[test]
fn a_program_that_ends_in_the_midst_of_its_watches_ends_well() {
    let program = Program::compile("tests/c/watch_exit.c");
    program.runs_with_each_server();
    // The threads that still run at the end have their stacks, which counts as a leak.
    assert_eq!(run(&mut program.valgrind(&["--leak-check=no"], &[&port(&Etcd::shared()[0])])), "");
}

#[test]
fn the_tour_comes_to_its_end_and_leaves_nothing_behind() {
    let program = Program::compile("examples/tour.c");
    for etcd in Etcd::shared() {
        let arguments = ["127.0.0.1", &port(etcd)];
        for mut command in [program.command(&arguments), program.under_valgrind(&arguments)] {
            let printed = run(&mut command);
            assert!(printed.ends_with("That was the tour. What it wrote is deleted again.\n"), "{printed}");
        }
        let left = support::http::get(etcd.port(), "/v2/keys/").expect("the server answers").body;
        assert!(!left.contains("/foo"), "{left}");
    }
}

struct Program {
    path: PathBuf,
    _folder: Folder,
}

impl Program {
    #[track_caller]
    fn compile(source: &str) -> Program {
        let library = shared_library();
        let name = Path::new(source).file_stem().expect("a source has a name").to_string_lossy();
        let folder = Folder::new(&name);
        // A program asks for the library by the name of its ABI, which Cargo knows nothing of.
        for link in ["libetcd.so", "libetcd.so.0"] {
            std::os::unix::fs::symlink(&library, folder.path().join(link)).expect("a folder of our own");
        }
        let path = folder.path().join(&*name);
        let mut compiler = if source.ends_with(".cpp") { cxx("c++11") } else { cc("c11") };
        compiler.args(["-g", "-O1", "-pthread", "-Iinclude", "-o"]).arg(&path).arg(source);
        compiler.arg("-L").arg(folder.path()).args(["-Wl,--as-needed", "-letcd", "-ldl"]);
        run(compiler.arg(format!("-Wl,-rpath,{}", folder.path().display())));
        Program { path, _folder: folder }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.path.to_str().expect("the path is our own"));
        command.args(arguments);
        command
    }

    /// Any leak and any error makes it fail with 99.
    fn under_valgrind(&self, arguments: &[&str]) -> Command {
        self.valgrind(&["--leak-check=full", "--errors-for-leak-kinds=definite,possible"], arguments)
    }

    fn valgrind(&self, leaks: &[&str], arguments: &[&str]) -> Command {
        let mut valgrind = command("valgrind");
        valgrind.args(["--quiet", "--error-exitcode=99", "--suppressions=tests/c/valgrind.supp", "--num-callers=30"]);
        // Else one busy thread may keep all others waiting.
        valgrind.arg("--fair-sched=yes").args(leaks).arg(&self.path).args(arguments);
        valgrind
    }

    /// With each server, whose port is the argument, and once more under valgrind.
    #[track_caller]
    fn runs_well(&self) {
        self.runs_with_each_server();
        assert_eq!(run(&mut self.under_valgrind(&[&port(&Etcd::shared()[0])])), "");
    }

    /// The same for a program whose children never free what they have from their parent: what its other threads were
    /// using at that moment, and connections that are not theirs to close.
    #[track_caller]
    fn runs_and_forks_well(&self) {
        self.runs_with_each_server();
        assert_eq!(run(&mut self.valgrind(&["--leak-check=no"], &[&port(&Etcd::shared()[0])])), "");
    }

    #[track_caller]
    fn runs_with_each_server(&self) {
        for etcd in Etcd::shared() {
            assert_eq!(run(&mut self.command(&[&port(etcd)])), "");
        }
    }
}

fn port(etcd: &Etcd) -> String {
    etcd.port().to_string()
}
