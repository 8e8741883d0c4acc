//! The library

use std::ffi::{CStr, c_char};

use super::{guard, text};

/// Frees a text that the library returned. Not for a `const char *`.
///
/// - `text`: NULL is fine.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn etcd_free(text: *mut c_char) {
    // SAFETY: the header has `text` come from this library, and be freed once.
    guard::pure((), || unsafe { text::take_back(text) });
}

/// Returns the version of the library that the program runs with, as a text; `ETCD_VERSION` is the version of the header that it was
/// compiled with.
///
/// Returns a text like "0.2.0", which lives as long as the library and is not freed.
///
/// Since: 0.1.0
#[unsafe(no_mangle)]
pub extern "C" fn etcd_library_version() -> *const c_char {
    const VERSION: &CStr = constant(concat!(env!("CARGO_PKG_VERSION"), "\0"));
    VERSION.as_ptr()
}

/// Returns the version of the library that the program runs with, as a number that can be compared; `ETCD_VERSION_NUMBER` is
/// the version of the header that it was compiled with.
///
/// Returns 0x000200 for 0.2.0: a byte each for major, minor and patch version.
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub extern "C" fn etcd_library_version_number() -> u32 {
    const NUMBER: u32 = byte(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | byte(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | byte(env!("CARGO_PKG_VERSION_PATCH"));
    NUMBER
}

/// Describes the library that the program runs with: its version, its TLS, and how it was built.
///
/// Returns `{"version":"0.2.0","tls":{"provider":"ring","versions":["1.2","1.3"]},"build":{"target":"x86_64-unknown-linux-gnu",
/// "profile":"release","rustc":"1.95.0"}}`, which lives as long as the library and is not freed. `/build/sourceDate`, in
/// seconds since 1970, is there if `SOURCE_DATE_EPOCH` was set for the build.
///
/// ```c
/// int64_t versions = etcd_json_length(etcd_library_info(), "/tls/versions");
/// ```
///
/// Since: 0.2.0
#[unsafe(no_mangle)]
pub extern "C" fn etcd_library_info() -> *const c_char {
    // What of TLS is built in is chosen in Cargo.toml, of rustls's features.
    const INFO: &CStr = constant(concat!(
        "{\"version\":\"",
        env!("CARGO_PKG_VERSION"),
        "\",\"tls\":{\"provider\":\"ring\",\"versions\":[\"1.2\",\"1.3\"]},\"build\":",
        env!("LIBETCD_BUILD"),
        "}\0"
    ));
    INFO.as_ptr()
}

const fn constant(with_nul: &str) -> &CStr {
    match CStr::from_bytes_with_nul(with_nul.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("what Cargo and the build script say has no NUL in it"),
    }
}

const fn byte(digits: &str) -> u32 {
    match u8::from_str_radix(digits, 10) {
        Ok(number) => number as u32,
        Err(_) => panic!("each number of a version has a byte"),
    }
}
