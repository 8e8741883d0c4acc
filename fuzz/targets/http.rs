#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| etcd::ffi::fuzz::run("http", input));
