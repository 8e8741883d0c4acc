//! The programs in `tests/c/`: compiled as a user would, run with servers of each version, and run once more under
//! valgrind.

use support::etcd::Etcd;
use support::program::Program;
use support::toolchain::run;

#[test]
fn a_configuration_is_read_key_by_key_and_as_a_tree() {
    runs_well("tests/c/config.c");
}

#[test]
fn a_lock_has_one_holder_who_refreshes_it_or_loses_it() {
    runs_well("tests/c/lock.c");
}

#[test]
fn threads_that_count_by_compare_and_swap_lose_no_step() {
    runs_well("tests/c/counter.c");
}

#[test]
fn a_queue_is_emptied_in_the_order_it_was_filled() {
    runs_well("tests/c/queue.c");
}

#[test]
fn a_tree_is_walked_without_a_json_library() {
    runs_well("tests/c/walk.c");
}

#[test]
fn every_error_of_a_healthy_server_can_be_told_apart() {
    runs_well("tests/c/errors.c");
}

#[test]
fn every_server_failure_has_its_own_code_in_c() {
    let program = Program::compile("tests/c/failures.c");
    // It has servers of its own.
    run(&mut program.command(&[]));
    run(&mut program.under_valgrind(&[]));
}

#[test]
fn children_go_on_with_their_parents_client() {
    runs_well_but_for_leaks("tests/c/forked.c");
}

#[test]
fn a_childs_disconnect_leaves_the_parents_client_alone() {
    runs_well_but_for_leaks("tests/c/prefork.c");
}

#[test]
fn the_log_goes_where_the_program_wants_it() {
    runs_well("tests/c/log.c");
}

#[test]
fn the_library_can_be_loaded_dropped_and_loaded_again() {
    runs_well("tests/c/plugin.c");
}

#[test]
fn cpp_frees_it_all_by_itself() {
    runs_well("tests/c/raii.cpp");
}

#[test]
fn a_program_watches_until_it_has_seen_enough() {
    runs_well("tests/c/watch_push.c");
}

#[test]
fn a_program_polls_several_watches_at_once() {
    runs_well("tests/c/watch_poll.c");
}

#[test]
fn a_program_stops_its_watches_in_every_way() {
    runs_well("tests/c/watch_stop.c");
}

#[test]
fn threads_read_a_mirror_while_it_is_written() {
    runs_well("tests/c/mirror.c");
}

#[test]
fn threads_share_leases_and_locks_and_a_client_ends_under_them() {
    runs_well("tests/c/recipes.c");
}

#[test]
fn a_program_that_exits_with_watches_running_ends_well() {
    // Threads that still run at the end have their stacks, which count as leaks.
    runs_well_but_for_leaks("tests/c/watch_exit.c");
}

/// With each server, whose port is the argument, and once more under valgrind.
#[track_caller]
fn runs_well(source: &str) {
    let program = runs_with_each_server(source);
    assert_eq!(run(&mut program.under_valgrind(&[&port(&Etcd::shared()[0])])), "");
}

/// The same for a program whose end leaves something behind. Those that fork have children that never free what they have
/// from their parent: what its other threads were using at that moment, and connections that are not theirs to close.
#[track_caller]
fn runs_well_but_for_leaks(source: &str) {
    let program = runs_with_each_server(source);
    assert_eq!(run(&mut program.valgrind(&["--leak-check=no"], &[&port(&Etcd::shared()[0])])), "");
}

#[track_caller]
pub fn runs_with_each_server(source: &str) -> Program {
    let program = Program::compile(source);
    for etcd in Etcd::shared() {
        assert_eq!(run(&mut program.command(&[&port(etcd)])), "");
    }
    program
}

fn port(etcd: &Etcd) -> String {
    etcd.port().to_string()
}
