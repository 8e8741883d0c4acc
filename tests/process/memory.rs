//! Memory: where there is none for something large, the call fails and the process goes on.

use support::etcd::Etcd;
use support::fake::{FakeServer, response};
use support::program::Program;
use support::toolchain::run;
use support::version::Version;

const LARGE: usize = 20 << 20;

#[test]
fn lack_of_memory_for_something_large_is_an_error() {
    let server = FakeServer::start(|mut conn| {
        while let Some(request) = conn.request() {
            let target = request.target();
            // A watch sees one small event, and then large ones.
            let is_small =
                target == "/v2/keys/small" || (target.contains("wait=true") && target.ends_with("waitIndex=1"));
            let index = target.split_once("waitIndex=").map_or("1", |(_, index)| index);
            let node = |value: &str| format!(r#"{{"key":"/watched","value":"{value}","modifiedIndex":{index}}}"#);
            let value = if is_small { "v".to_owned() } else { "v".repeat(LARGE) };
            let body = format!(r#"{{"action":"set","node":{}}}"#, node(&value));
            conn.say(match &*target {
                "/v2/keys/chunks" => in_chunks(body.as_bytes()),
                "/v2/keys/failing" => response(500, body),
                _ => response(200, body),
            });
        }
    });
    let program = Program::compile("tests/c/memory.c");
    assert_eq!(run(&mut program.command(&[&server.port().to_string()])), "");
    assert!(server.lines().iter().all(|line| !line.contains("not-sent")), "{:?}", server.lines());
}

#[test]
fn lack_of_memory_over_v3_is_an_error_too() {
    let etcd = Etcd::start_with(Version::V3_6, &["--max-request-bytes=33554432"]);
    let program = Program::compile("tests/c/memory_v3.c");
    assert_eq!(run(&mut program.command(&[&etcd.port().to_string()])), "");
}

/// Chunks that are small, so that the whole grows little by little.
fn in_chunks(body: &[u8]) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(2000) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}
