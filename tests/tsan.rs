//! The C programs with threads under the thread sanitizer: `make tsan`. It takes a build of its own, with options of the
//! compiler that are not stable yet, so it is no part of `make check`.

use std::path::PathBuf;

use support::etcd::Etcd;
use support::sanitizer::{FOUND, Sanitized, Sanitizer};
use support::toolchain::{self, output, printed};
use support::version::Version;

/// Those that know v2 alone.
const V2_ALONE: [&str; 8] =
    ["counter", "watch_push", "watch_poll", "watch_stop", "config", "queue", "failures", "errors"];

/// Those that go over each version that a server has.
const EACH_VERSION: [&str; 2] = ["mirror", "recipes"];

/// Two threads and an unguarded number.
const RACE: &str = "#include <pthread.h>\n\
    static int number;\n\
    static void *add(void *none) { for (int i = 0; i < 100000; i++) number++; return none; }\n\
    int main(void) { pthread_t other; pthread_create(&other, 0, add, 0); add(0); pthread_join(other, 0); return 0; }\n";

#[test]
#[ignore = "make tsan runs it"]
fn no_two_threads_are_at_the_same_memory_unguarded() {
    let sanitized = Sanitized::build(Sanitizer::Thread);
    let racy = sanitized.folder().join("racy.c");
    std::fs::write(&racy, RACE).expect("it is ours");
    let caught = output(&mut sanitized.command(&sanitized.compile(&racy)));
    assert_eq!(caught.status.code(), Some(FOUND), "the sanitizer is on: {}", printed(&caught));

    let without_v2 = Etcd::start(Version::V3_6);
    let with_v2 = Vec::from_iter(Etcd::shared());
    let all = [&with_v2[..], &[&without_v2]].concat();
    let over_v2 = V2_ALONE.map(|name| (name, &with_v2));
    for (name, servers) in over_v2.into_iter().chain(EACH_VERSION.map(|name| (name, &all))) {
        let program = sanitized.compile(&PathBuf::from(format!("{}/tests/c/{name}.c", toolchain::ROOT)));
        for etcd in servers {
            let said = output(sanitized.command(&program).arg(etcd.port().to_string()));
            assert!(said.status.success(), "{name}: {}\n{}", said.status, printed(&said));
        }
    }
}
