//! What concerns the whole process: forking, and threads and descriptors that are left. Each test is a process of its
//! own, for the others' threads would disturb it.

use std::collections::HashSet;
use std::process::Command;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use crate::child;
use crate::support::api::*;
use crate::support::binaries::Version;
use crate::support::etcd::{Etcd, wait_until};
use crate::support::on_each;
use crate::watching::{PATIENCE, watch};

const ALONE: &str = "LIBETCD_TEST_ALONE";

/// Runs the calling test once more, in a process of its own. False: this is that process.
fn is_run_by_another_process(test: &str) -> bool {
    if env::var_os(ALONE).is_some() {
        return false;
    }
    run_alone(test, "1");
    true
}

fn run_alone(test: &str, told: &str) {
    let mut command = Command::new(env::current_exe().expect("we were started"));
    command.args(["--exact", &format!("process::{test}"), "--nocapture", "--test-threads=1"]).env(ALONE, told);
    let output = command.output().expect("we can be started again");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", said(&output.stdout), said(&output.stderr));
    assert!(said(&output.stdout).contains("1 passed"), "{}", said(&output.stdout));
}

/// How many descriptors and threads this process has.
fn descriptors_and_threads() -> (usize, usize) {
    let count = |folder: &str| fs::read_dir(folder).expect("a folder of the kernel's").count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

#[test]
fn five_hundred_watches_leave_nothing_behind() {
    if is_run_by_another_process("five_hundred_watches_leave_nothing_behind") {
        return;
    }
    let etcd = Etcd::start(Version::V3_4);
    let client = Client::connect("127.0.0.1", etcd.port());
    client.set("/many", "0", 0, 0).ok();
    let before = descriptors_and_threads();
    for round in 1..=2 {
        let start = |i: usize| {
            let watch = watch(&client, "/many");
            if i < 250 { watch.push() } else { watch.pull() }
        };
        let watchers: Vec<_> = (0..500).map(start).collect();
        let fds = watchers.iter().filter(|watcher| watcher.fd() >= 0).count();
        assert_eq!(fds, 250);
        client.set("/many", &round.to_string(), 0, 0).ok();
        for watcher in &watchers {
            assert_eq!(watcher.next_value(), round.to_string());
        }
        assert!(descriptors_and_threads().1 >= before.1 + 500, "a thread each");
        watchers.into_iter().for_each(|watcher| watcher.free());
        // The last moments of a thread that has been joined are the kernel's.
        wait_until(PATIENCE, "nothing is left", || descriptors_and_threads() == before);
    }
}

#[test]
fn watches_that_end_by_themselves_leave_no_thread_behind() {
    if is_run_by_another_process("watches_that_end_by_themselves_leave_no_thread_behind") {
        return;
    }
    let etcd = Etcd::start(Version::V3_4);
    let client = Client::connect("127.0.0.1", etcd.port());
    client.set("/one", "0", 0, 0).ok();
    let before = descriptors_and_threads();
    let watchers: Vec<_> = (0..100).map(|_| watch(&client, "/one").once().push()).collect();
    client.set("/one", "1", 0, 0).ok();
    watchers.iter().for_each(|watcher| watcher.ends());
    wait_until(PATIENCE, "nothing is left, though none was freed", || descriptors_and_threads() == before);
    watchers.into_iter().for_each(|watcher| watcher.free());
}

#[test]
fn without_a_thread_there_is_no_watch_and_user_data_comes_back() {
    if is_run_by_another_process("without_a_thread_there_is_no_watch_and_user_data_comes_back") {
        return;
    }
    let etcd = Etcd::start(Version::V3_4);
    let client = Client::connect("127.0.0.1", etcd.port());
    // All that a watch needs but the thread's stack is there already (the C library keeps those of threads that ended).
    let first = watch(&client, "/w").push();
    client.set("/w", "0", 0, 0).ok();
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
    let error = watch(&client, "/w").refused();
    limit_memory(libc::RLIM_INFINITY);
    let error = error.fails(ETCD_ERROR_INTERNAL);
    assert!(error.text("/cause").is_some_and(|cause| cause.contains("thread")), "{error}");
    let watcher = watch(&client, "/w").push();
    client.set("/w", "1", 0, 0).ok();
    assert_eq!(watcher.next_value(), "1");
}

#[test]
fn a_child_frees_its_copy_and_the_parents_watch_goes_on() {
    if is_run_by_another_process("a_child_frees_its_copy_and_the_parents_watch_goes_on") {
        return;
    }
    on_each(|_, client, dir| {
        let (pushed, pulled) = (watch(client, dir).push(), watch(client, dir).pull());
        client.set(dir, "before", 0, 0).ok();
        assert_eq!([pushed.next_value(), pulled.next_value()], ["before", "before"]);
        for i in 0..10 {
            client.set(dir, "in the queue", 0, 0).ok();
            let child = child::fork(|| {
                for watcher in [&pushed, &pulled] {
                    let (handle, told) = (watcher.handle(), watcher.told());
                    // The watch is the parent's: there is nothing to wait for and nothing to fetch.
                    if !handle.has_ended(-1) || handle.next(-1).is_some() || watcher.fd() != -1 {
                        return Err("the parent's watch is at work in the child".to_owned());
                    }
                    handle.stop();
                    handle.free();
                    if told.releases() != 0 {
                        return Err("the child gave back what is the parent's".to_owned());
                    }
                }
                let key = format!("{dir}-child");
                let own = watch(client, &key).pull();
                let reply = client.set(&key, "child", 0, 0);
                let event = own.handle().next(30_000).map(|event| event.value());
                own.free();
                if event.as_deref() == Some("child") { Ok(()) } else { Err(format!("{event:?} after {reply}")) }
            });
            child.ends_well();
            client.set(dir, &i.to_string(), 0, 0).ok();
            for watcher in [&pushed, &pulled] {
                assert_eq!([watcher.next_value(), watcher.next_value()], ["in the queue".to_owned(), i.to_string()]);
            }
        }
    });
}

#[test]
fn a_signal_handler_of_the_host_never_runs_on_a_worker() {
    if is_run_by_another_process("a_signal_handler_of_the_host_never_runs_on_a_worker") {
        return;
    }
    static HANDLED: AtomicUsize = AtomicUsize::new(0);
    static ON: [AtomicI32; 64] = [const { AtomicI32::new(0) }; 64];
    extern "C" fn handle(_: i32) {
        // SAFETY: a system call without arguments.
        let thread = unsafe { libc::syscall(libc::SYS_gettid) } as i32;
        ON[HANDLED.fetch_add(1, Ordering::SeqCst) % ON.len()].store(thread, Ordering::SeqCst);
    }
    // SAFETY: the handler makes a system call and touches atomics, which a handler may.
    unsafe { libc::signal(libc::SIGUSR2, handle as *const () as libc::sighandler_t) };
    let etcd = Etcd::start(Version::V3_4);
    let client = Client::connect("127.0.0.1", etcd.port());
    let watchers: Vec<_> = (0..20).map(|i| watch(&client, &format!("/{i}")).push()).collect();
    let mut workers = HashSet::new();
    wait_until(PATIENCE, "all workers have their name", || {
        workers = threads_named("etcd-watch\n");
        workers.len() == watchers.len()
    });
    for _ in 0..ON.len() {
        let before = HANDLED.load(Ordering::SeqCst);
        // SAFETY: a signal to ourselves, which is handled.
        unsafe { libc::kill(libc::getpid(), libc::SIGUSR2) };
        wait_until(PATIENCE, "the signal is handled", || HANDLED.load(Ordering::SeqCst) > before);
    }
    let on: HashSet<i32> = ON.iter().map(|thread| thread.load(Ordering::SeqCst)).collect();
    assert!(on.is_disjoint(&workers), "handled on {on:?}, and workers are {workers:?}");
}

fn threads_named(name: &str) -> HashSet<i32> {
    let tasks = fs::read_dir("/proc/self/task").expect("our own threads").flatten();
    let named = tasks.filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|own| own == name));
    named.map(|task| task.file_name().to_string_lossy().parse().expect("a thread's number")).collect()
}

#[test]
fn a_process_may_end_while_watches_run() {
    let Some(port) = env::var(ALONE).ok() else {
        let etcd = Etcd::start(Version::V3_4);
        for _ in 0..10 {
            run_alone("a_process_may_end_while_watches_run", &etcd.port().to_string());
        }
        return;
    };
    let client = Client::connect("127.0.0.1", port.parse().expect("a port"));
    for _ in 0..50 {
        std::mem::forget(watch(&client, "/end").doing(|_| thread::sleep(Duration::from_millis(1))).push());
    }
    for _ in 0..20 {
        client.set("/end", "1", 0, 0).ok();
    }
    std::mem::forget(client);
}
