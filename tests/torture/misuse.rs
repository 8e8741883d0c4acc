//! All functions at once, from many threads, while the process forks, gets signals, lacks something, or ends.

use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use support::certificates::Authority;
use support::etcd::Etcd;
use support::fake::{FakeServer, Tls};
use support::port;
use support::program::Program;
use support::toolchain::{printed, run};
use support::version::Version;

use crate::torture::{Torture, seed, wanted};

#[test]
fn no_misuse_ends_the_process_or_leaves_anything() {
    let servers = Servers::start();
    let torture = Torture::plain();
    torture.play("misuse", 1, 5, &servers.endpoints());
    for seed in 1..=2 {
        torture.play("exit", seed, 1, &servers.endpoints());
    }
    torture.play("lack", 1, 4, &servers.endpoints());
    may_lack_memory(&torture, 1, 2, &servers);
}

#[test]
fn a_client_has_thousands_of_watches() {
    let servers = Servers::start();
    Torture::plain().play("watches", 1, 1, &servers.endpoints());
}

#[test]
fn the_library_is_dropped_under_watches() {
    let servers = Servers::start();
    let program = Program::compile("tests/c/unload.c");
    for etcd in &servers.etcd {
        run(&mut program.command(&[&etcd.port().to_string()]));
    }
}

#[test]
#[ignore = "make torture runs it"]
fn for_long_without_a_tool() {
    for_long("no tool", &Torture::plain(), 1);
}

#[test]
#[ignore = "make torture runs it"]
fn for_long_under_the_address_sanitizer() {
    for_long("the address sanitizer", &Torture::sanitized(), 1);
}

#[test]
#[ignore = "make torture runs it"]
fn for_long_under_valgrind() {
    for_long("valgrind", &Torture::under_valgrind(), 3);
}

/// With one seed after the other, for one in `share` of the seconds that are wanted.
fn for_long(tool: &str, torture: &Torture, share: u64) {
    let (first, seconds) = (seed("TORTURE_SEED"), wanted("TORTURE_SECONDS", 300) / share);
    let servers = Servers::start();
    let until = Instant::now() + Duration::from_secs(seconds);
    for seed in (first..).take_while(|_| Instant::now() < until) {
        for (scene, seconds) in [("misuse", 30), ("exit", 3), ("lack", 15)] {
            let said = torture.play(scene, seed, seconds, &servers.endpoints());
            println!("under {tool}, {scene}, seed {seed}: {said}");
        }
        // The tools themselves take more addresses than there is memory.
        if let Torture::Plain(_) = torture {
            println!("under {tool}, memory, seed {seed}: {}", may_lack_memory(torture, seed, 10, &servers));
        }
    }
    let said = torture.play_until("watches", first, &servers.endpoints(), || true);
    println!("under {tool}, watches: {said}");
}

/// Where there is no memory for something small the process may end, with a line that says so.
#[track_caller]
fn may_lack_memory(torture: &Torture, seed: u64, seconds: u64, servers: &Servers) -> String {
    let output = torture.output("memory", seed, seconds, &servers.endpoints(), || true);
    let is_aborted =
        output.status.signal() == Some(libc::SIGABRT) && printed(&output).contains("memory allocation of ");
    assert!(output.status.success() || is_aborted, "seed {seed}: {}\n{}", output.status, printed(&output));
    printed(&output)
}

/// Whatever a client may find at the other end.
struct Servers {
    /// With v2 and without.
    etcd: [Etcd; 2],
    tls: FakeServer,
    /// The kernel accepts for it, and nobody answers.
    silent: TcpListener,
    dead: port::Closed,
}

impl Servers {
    fn start() -> Servers {
        let etcd = [Version::V3_5, Version::V3_6].map(Etcd::start);
        let authority = Authority::new();
        let tls = FakeServer::terminating(&Tls::new(&authority.server()), etcd[0].port());
        Servers { etcd, tls, silent: port::listen(), dead: port::Closed::refusing() }
    }

    fn endpoints(&self) -> Vec<String> {
        let [with_v2, without_v2] = &self.etcd;
        let silent = format!("http://127.0.0.1:{}", port::of(&self.silent));
        // The first two are what most calls are to reach.
        [with_v2.url(), without_v2.url(), with_v2.url(), without_v2.url(), self.tls.url(), silent, self.dead.url()]
            .to_vec()
    }
}
