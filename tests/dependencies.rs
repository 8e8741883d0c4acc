//! What the library is made of: no async runtime, although its HTTP/2 comes from that world.

use support::toolchain::{command, run};

/// tokio's traits are used, and nothing that would start threads, timers or a reactor.
#[test]
fn tokio_brings_no_runtime() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let tree = ["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}: {f}"];
    let tree = run(command(&cargo).args(tree));
    let package = |name: &str| tree.lines().find(|line| line.starts_with(&format!("{name} v")));
    let features =
        |name: &str| package(name).and_then(|line| line.split(": ").nth(1)).expect("the features").to_owned();
    for feature in features("tokio").split(',').map(|feature| feature.trim_end_matches(" (*)")) {
        // `sync` is tokio-util's wish: channels, that wait for nobody.
        assert!(["bytes", "default", "io-util", "sync"].contains(&feature), "tokio's feature {feature:?} is on");
    }
    for name in ["mio", "tokio-macros", "tokio-rustls", "hyper", "tonic", "signal-hook-registry"] {
        assert_eq!(package(name), None);
    }
}
