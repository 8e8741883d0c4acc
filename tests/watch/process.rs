//! What concerns the whole process: forking, and threads and descriptors that are left. Each test is a process of its
//! own, for the others' threads would disturb it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;
use std::{fs, thread};

use support::PATIENCE;
use support::alone::{alone, is_alone, start_alone, threads_named};
use support::api::*;
use support::child;
use support::wait_until;

use crate::rows::{Row, on_each, on_new_servers};

/// How many descriptors and threads this process has.
fn descriptors_and_threads() -> (usize, usize) {
    let count = |folder: &str| fs::read_dir(folder).expect("a folder of the kernel's").count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

#[test]
fn five_hundred_watches_leave_nothing_behind() {
    alone(five_hundred_watches_leave_nothing_behind, || {
        on_new_servers(Row::one_each(), |server, client| {
            client.set("/many", "0").ok();
            let before = descriptors_and_threads();
            for round in 1..=2 {
                let start = |i: usize| {
                    let watch = client.watch("/many");
                    if i < 250 { watch.push() } else { watch.pull() }
                };
                let watchers: Vec<_> = (0..500).map(start).collect();
                let fds = watchers.iter().filter(|watcher| watcher.fd() >= 0).count();
                assert_eq!(fds, 250);
                client.set("/many", &round.to_string()).ok();
                for watcher in &watchers {
                    assert_eq!(watcher.next_value(), round.to_string());
                }
                let threads = descriptors_and_threads().1 - before.1;
                if server.row.is_v3() {
                    assert_eq!(threads, 250 + 1, "one for each that is pushed, and one for the stream of all");
                } else {
                    assert!(threads >= 500, "a thread each: {threads}");
                }
                watchers.into_iter().for_each(|watcher| watcher.free());
                // The last moments of a thread that has been joined are the kernel's.
                wait_until(PATIENCE, "nothing is left", || descriptors_and_threads() == before);
            }
        });
    });
}

#[test]
fn watches_that_end_by_themselves_leave_no_thread_behind() {
    alone(watches_that_end_by_themselves_leave_no_thread_behind, || {
        on_new_servers(Row::one_each(), |_, client| {
            client.set("/one", "0").ok();
            let before = descriptors_and_threads();
            let watchers: Vec<_> = (0..100).map(|_| client.watch("/one").once().push()).collect();
            client.set("/one", "1").ok();
            watchers.iter().for_each(|watcher| watcher.ends());
            wait_until(PATIENCE, "nothing is left, though none was freed", || descriptors_and_threads() == before);
            watchers.into_iter().for_each(|watcher| watcher.free());
        });
    });
}

#[test]
fn without_a_thread_there_is_no_watch_and_user_data_comes_back() {
    alone(without_a_thread_there_is_no_watch_and_user_data_comes_back, || {
        on_new_servers(Row::one_each(), |_, client| {
            // All that a watch needs but the thread's stack is there already (the C library keeps those of threads that ended).
            let first = client.watch("/w").push();
            client.set("/w", "0").ok();
            assert_eq!(first.next_value(), "0", "it has all it needs, and asks for no memory meanwhile");
            let status = fs::read_to_string("/proc/self/status").expect("our own");
            let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).expect("a line of the kernel's");
            let size: u64 = size.trim().trim_end_matches(" kB").parse().expect("a number");
            let limit_memory = |bytes| {
                let limit = libc::rlimit { rlim_cur: bytes, rlim_max: libc::RLIM_INFINITY };
                // SAFETY: a limit to be read.
                assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
            };
            limit_memory((size << 10) + (512 << 10));
            let error = client.watch("/w").refused();
            limit_memory(libc::RLIM_INFINITY);
            let error = error.fails(ETCD_ERROR_SYSTEM_LIMIT);
            assert!(error.text("/cause").is_some_and(|cause| cause.contains("thread")), "{error}");
            let watcher = client.watch("/w").push();
            client.set("/w", "1").ok();
            assert_eq!(watcher.next_value(), "1");
        });
    });
}

#[test]
fn a_child_frees_its_copy_and_the_parents_watch_goes_on() {
    alone(a_child_frees_its_copy_and_the_parents_watch_goes_on, || {
        on_each(|_, client, dir| {
            let (pushed, pulled) = (client.watch(dir).push(), client.watch(dir).pull());
            client.set(dir, "before").ok();
            assert_eq!([pushed.next_value(), pulled.next_value()], ["before", "before"]);
            for i in 0..10 {
                client.set(dir, "in the queue").ok();
                let child = child::fork(|| {
                    for watcher in [&pushed, &pulled] {
                        let (handle, probe) = (watcher.handle(), watcher.probe());
                        // The watch is the parent's: there is nothing to wait for and nothing to fetch.
                        if !handle.has_ended(-1) || handle.next(-1).is_some() || watcher.fd() != -1 {
                            return Err("the parent's watch is at work in the child".to_owned());
                        }
                        handle.stop();
                        handle.free();
                        if probe.releases() != 0 {
                            return Err("the child gave back what is the parent's".to_owned());
                        }
                    }
                    let key = format!("{dir}-child");
                    let own = client.watch(&key).pull();
                    let reply = client.set(&key, "child");
                    let event = own.handle().next(30_000).map(|event| event.value());
                    own.free();
                    if event.as_deref() == Some("child") { Ok(()) } else { Err(format!("{event:?} after {reply}")) }
                });
                child.ends_well();
                client.set(dir, &i.to_string()).ok();
                for watcher in [&pushed, &pulled] {
                    assert_eq!(
                        [watcher.next_value(), watcher.next_value()],
                        ["in the queue".to_owned(), i.to_string()]
                    );
                }
            }
        });
    });
}

#[test]
fn a_signal_handler_of_the_host_never_runs_on_a_worker() {
    alone(a_signal_handler_of_the_host_never_runs_on_a_worker, || {
        static HANDLED: AtomicUsize = AtomicUsize::new(0);
        static ON: [AtomicI32; 64] = [const { AtomicI32::new(0) }; 64];
        extern "C" fn handle(_: i32) {
            // SAFETY: a system call without arguments.
            let thread = unsafe { libc::syscall(libc::SYS_gettid) } as i32;
            ON[HANDLED.fetch_add(1, Ordering::SeqCst) % ON.len()].store(thread, Ordering::SeqCst);
        }
        // SAFETY: the handler makes a system call and touches atomics, which a handler may.
        unsafe { libc::signal(libc::SIGUSR2, handle as *const () as libc::sighandler_t) };
        let servers = Row::one_each().map(Row::start);
        let clients = servers.each_ref().map(|server| server.client(&[]));
        let watch = |client: &Client| Vec::from_iter((0..20).map(|i| client.watch(&format!("/{i}")).push()));
        let watchers = Vec::from_iter(clients.iter().flat_map(watch));
        let mut workers = HashSet::new();
        wait_until(PATIENCE, "all workers have their name", || {
            let streams = threads_named("etcd-grpc");
            workers = &threads_named("etcd-watch") | &streams;
            workers.len() == watchers.len() + 1 && streams.len() == 1
        });
        for _ in 0..ON.len() {
            let before = HANDLED.load(Ordering::SeqCst);
            // SAFETY: a signal to ourselves, which is handled.
            unsafe { libc::kill(libc::getpid(), libc::SIGUSR2) };
            wait_until(PATIENCE, "the signal is handled", || HANDLED.load(Ordering::SeqCst) > before);
        }
        let on: HashSet<i32> = ON.iter().map(|thread| thread.load(Ordering::SeqCst)).collect();
        assert!(on.is_disjoint(&workers), "handled on {on:?}, and workers are {workers:?}");
    });
}

#[test]
fn a_process_may_end_while_watches_run() {
    let Some(which) = is_alone(&a_process_may_end_while_watches_run) else {
        for row in Row::one_each() {
            let server = row.start();
            for _ in 0..10 {
                start_alone(a_process_may_end_while_watches_run, &format!("{} {}", row.api, server.etcd.port()));
            }
        }
        return;
    };
    let (api, port) = which.split_once(' ').expect("two words");
    let client = Client::connect_as(api, "127.0.0.1", port.parse().expect("a port"));
    for i in 0..50 {
        let watch = client.watch("/end");
        let watcher =
            if i < 40 { watch.doing(|_| thread::sleep(Duration::from_millis(1))).push() } else { watch.pull() };
        std::mem::forget(watcher);
    }
    for _ in 0..20 {
        client.set("/end", "1").ok();
    }
    std::mem::forget(client);
}
