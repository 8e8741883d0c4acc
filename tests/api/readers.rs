//! Reading a reply: error codes, texts, numbers and lengths, from replies and from other texts.

use std::ffi::{CStr, CString, c_char};
use std::ptr::{null, null_mut};

use support::api::*;
use support::on_each;
use support::toolchain::read;

fn code(json: &CStr) -> i32 {
    unsafe { etcd_error_code(json.as_ptr()) }
}

fn text(json: &CStr, pointer: &str) -> Option<String> {
    taken(unsafe { etcd_json_text(json.as_ptr(), c(pointer).as_ptr()) })
}

fn taken(given: *mut c_char) -> Option<String> {
    (!given.is_null()).then(|| unsafe { Reply::take(given) }.raw().to_owned())
}

#[test]
fn errors_results_and_other_texts_are_told_apart() {
    assert_eq!(unsafe { etcd_error_code(null()) }, ETCD_ERROR_INVALID_ARGUMENT);
    for (json, expected) in [
        (c"{}", 0),
        (c"[]", 0),
        (c"\"text\"", 0),
        (c"{\"errorCode\":100}", 100),
        (c" {\"index\":1,\"errorCode\":1004}\n", 1004),
        (c"{\"node\":{\"errorCode\":100}}", 0),
        (c"[{\"errorCode\":100}]", 0),
        (c"{\"errorCode\":\"100\"}", ETCD_ERROR_BAD_RESPONSE),
        (c"", ETCD_ERROR_BAD_RESPONSE),
        (c"404 page not found", ETCD_ERROR_BAD_RESPONSE),
        (c"{\"node\":", ETCD_ERROR_BAD_RESPONSE),
        (c"{\"a\":1}{", ETCD_ERROR_BAD_RESPONSE),
        (c"\xff", ETCD_ERROR_INVALID_ARGUMENT),
    ] {
        assert_eq!(code(json), expected, "{json:?}");
    }
}

#[test]
fn a_large_result_is_known_by_its_beginning_and_all_else_by_all_of_it() {
    let filled = |beginning: &str, end: &str| c(&format!("{beginning}{}{end}", "x".repeat(5000)));
    for (beginning, end, expected) in [
        ("{\"action\":\"get\",\"node\":{\"value\":\"", "\"}}", 0),
        ("{\"action\":\"get\",\"node\":{\"value\":\"", "", 0),
        ("{\"header\":{},\"kvs\":[\"", "\"]}", 0),
        ("{\"errorCode\":100,\"cause\":\"", "\"}", 100),
        ("{\"cause\":\"", "\",\"errorCode\":100}", 100),
        ("{\"cause\":\"", "\"", ETCD_ERROR_BAD_RESPONSE),
        ("{ \"action\":\"", "", ETCD_ERROR_BAD_RESPONSE),
        ("{\"errorCode\":100,\"cause\":\"", "", ETCD_ERROR_BAD_RESPONSE),
    ] {
        assert_eq!(code(&filled(beginning, end)), expected, "{beginning}...{end}");
    }
    // Short ones are read whole.
    for (json, expected) in [
        (c"{\"action\":\"get\",\"node\":", ETCD_ERROR_BAD_RESPONSE),
        (c"{\"action\":\"get\",\"errorCode\":100}", 100),
        (c"{\"header\":{}", ETCD_ERROR_BAD_RESPONSE),
    ] {
        assert_eq!(code(json), expected, "{json:?}");
    }
}

#[test]
fn a_place_is_found_wherever_in_a_large_text_it_is() {
    // Readers take a text piece by piece; values begin, end and are cut at every place of one.
    for before in (1000..1030).chain(8180..8200) {
        for (value, found) in [("12", "12"), ("\"é\"", "é"), ("[1, 2]", "[1, 2]"), ("true", "true")] {
            let json = c(&format!("{{\"a\":\"{}\",\"b\":{value},\"c\":{value}}}", "x".repeat(before)));
            assert_eq!(text(&json, "/b").as_deref(), Some(found), "{before}");
            assert_eq!(text(&json, "/c").as_deref(), Some(found), "{before}");
            assert_eq!(text(&json, "/d"), None);
            assert_eq!(text(&json, "").as_deref(), Some(json.to_str().unwrap()));
        }
        // The whole text is one number, or ends after one.
        let digits = "1".repeat(before);
        assert_eq!(text(&c(&digits), "").as_deref(), Some(&*digits));
        assert_eq!(text(&c(&format!("{{\"a\":{digits}")), "/a").as_deref(), Some(&*digits));
    }
}

#[test]
fn texts_come_unescaped_and_all_else_as_json() {
    let json = c"{\"s\":\"a\\n\\u00e9\\ud83d\\ude00\\/\\\"\",\"empty\":\"\",\"n\":-1.50,\"b\":true,\"z\":null,\
        \"o\":{\"a\": 1},\"l\":[\"x\",[]],\"a/b\":\"slash\",\"m~n\":\"tilde\",\"\":\"nameless\",\"twice\":1,\"twice\":2}";
    for (pointer, expected) in [
        ("/s", "a\né😀/\""),
        ("/empty", ""),
        ("/n", "-1.50"),
        ("/b", "true"),
        ("/z", "null"),
        ("/o", "{\"a\": 1}"),
        ("/o/a", "1"),
        ("/l", "[\"x\",[]]"),
        ("/l/0", "x"),
        ("/l/1", "[]"),
        ("/a~1b", "slash"),
        ("/m~0n", "tilde"),
        ("/", "nameless"),
        ("/twice", "1"),
        ("", json.to_str().unwrap()),
    ] {
        assert_eq!(text(json, pointer).as_deref(), Some(expected), "{pointer}");
    }
    for pointer in ["s", "/none", "/s/0", "/l/2", "/l/-", "/l/00", "/l/-1", "/l/99999999999999999999", "/m~n", "/o/a/b"]
    {
        assert_eq!(text(json, pointer), None, "{pointer}");
    }
    assert_eq!(text(c"no json", "/a"), None);
    assert_eq!(text(c"{\"a\":", "/a"), None);
}

#[test]
fn a_string_that_c_cannot_hold_stays_json() {
    let json = c"[\"a\\u0000b\",\"\\ud800\",\"\\udc00x\"]";
    assert_eq!(text(json, "/0").as_deref(), Some("\"a\\u0000b\""));
    assert_eq!(text(json, "/1").as_deref(), Some("\"\\ud800\""), "half a character is no text");
    assert_eq!(text(json, "/2").as_deref(), Some("\"\\udc00x\""));
    assert_eq!(code(json), 0);
}

#[test]
fn a_value_with_u0000_is_read_from_a_real_reply() {
    on_each(|_, client, dir| {
        let form = Some("application/x-www-form-urlencoded");
        client.request_with("PUT", &format!("/v2/keys{dir}/a"), Some("value=a%00b"), form).ok();
        let reply = client.get(&format!("{dir}/a"), 0).ok();
        assert_eq!(reply.text("/node/value").as_deref(), Some("\"a\\u0000b\""));
        assert!(reply.int("/node/modifiedIndex") > 0);
    });
}

#[test]
fn numbers_are_whole_and_fit_or_are_the_fallback() {
    let json = c"[0,-7,9223372036854775807,-9223372036854775808,9223372036854775808,1.5,1e3,\"5\",true,null,[1],{}]";
    let int = |i: usize| unsafe { etcd_json_int(json.as_ptr(), c(&format!("/{i}")).as_ptr(), 42) };
    let expected = [0, -7, i64::MAX, i64::MIN, 42, 42, 42, 42, 42, 42, 42, 42, 42];
    assert_eq!(Vec::from_iter((0..expected.len()).map(int)), expected);
    assert_eq!(unsafe { etcd_json_int(c"3".as_ptr(), c"".as_ptr(), 42) }, 3);
}

#[test]
fn truth_values_are_read_or_are_the_fallback() {
    let json = c"[true,false,\"true\",1,null]";
    let truth = |i: usize| unsafe { etcd_json_bool(json.as_ptr(), c(&format!("/{i}")).as_ptr(), 7) };
    assert_eq!(Vec::from_iter((0..6).map(truth)), [1, 0, 7, 7, 7, 7]);
}

#[test]
fn a_text_is_quoted_and_reads_as_it_was() {
    let quoted = |text: &[u8]| taken(unsafe { etcd_json_quote(text.as_ptr().cast(), text.len()) });
    for text in ["", "plain", "\"é\\\u{1}\n\u{1f5dd}", "a\0b"] {
        let quoted = quoted(text.as_bytes()).expect("it is UTF-8");
        assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), text);
    }
    assert!(quoted(b"\xff").is_none());
    assert!(unsafe { etcd_json_quote(null(), 1) }.is_null());
    assert_eq!(taken(unsafe { etcd_json_quote(null(), 0) }).as_deref(), Some("\"\""));
}

#[test]
fn lengths_are_of_arrays_and_objects() {
    let json =
        c"{\"l\":[1,[2,3],\"a,b\"],\"none\":[],\"o\":{\"a\":1,\"b\":{\"c\":2}},\"empty\":{ },\"s\":\"abc\",\"n\":3}";
    let length = |pointer: &str| unsafe { etcd_json_length(json.as_ptr(), c(pointer).as_ptr()) };
    for (pointer, expected) in
        [("/l", 3), ("/l/1", 2), ("/none", 0), ("/o", 2), ("/empty", 0), ("", 6), ("/s", -1), ("/n", -1), ("/nope", -1)]
    {
        assert_eq!(length(pointer), expected, "{pointer}");
    }
}

#[test]
fn null_and_what_is_not_utf8_have_no_values() {
    let (json, bad) = (c"{\"a\":1}".as_ptr(), c"\xff".as_ptr());
    for (json, pointer) in
        [(null(), c"/a".as_ptr()), (json, null()), (json, bad), (bad, c"".as_ptr()), (null(), null())]
    {
        unsafe {
            assert!(etcd_json_text(json, pointer).is_null());
            assert_eq!(etcd_json_int(json, pointer, -5), -5);
            assert_eq!(etcd_json_length(json, pointer), -1);
            assert_eq!(etcd_json_bool(json, pointer, -5), -5);
        }
    }
    unsafe { etcd_free(null_mut()) };
}

#[test]
fn a_text_of_any_depth_is_read_without_using_up_the_stack() {
    const DEPTH: usize = 200_000;
    let json = CString::new("{\"a\":[0,".repeat(DEPTH) + "\"end\"" + &"]}".repeat(DEPTH)).unwrap();
    let pointer = CString::new("/a/1".repeat(DEPTH)).unwrap();
    // As little as other languages give a thread.
    let small = std::thread::Builder::new().stack_size(256 << 10);
    let read = small.spawn(move || {
        assert_eq!(code(&json), 0);
        text(&json, pointer.to_str().unwrap())
    });
    assert_eq!(read.expect("a thread starts").join().unwrap().as_deref(), Some("end"));
}

#[test]
fn the_library_has_the_packages_version() {
    let version = unsafe { CStr::from_ptr(etcd_library_version()) };
    assert_eq!(version.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
    assert_eq!(etcd_library_version(), version.as_ptr(), "the same text each time");
}

#[test]
fn the_library_says_how_it_was_built() {
    let info = unsafe { CStr::from_ptr(etcd_library_info()) };
    assert_eq!(etcd_library_info(), info.as_ptr(), "the same text each time");
    let info: serde_json::Value = serde_json::from_slice(info.to_bytes()).expect("it is JSON");
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    let manifest = read("Cargo.toml");
    let rustls = manifest.lines().find(|line| line.starts_with("rustls = ")).expect("rustls is in use");
    let provider = info["tls"]["provider"].as_str().expect("a name");
    assert!(rustls.contains(&format!("\"{provider}\"")), "{rustls}");
    let versions: &[&str] = if rustls.contains("\"tls12\"") { &["1.2", "1.3"] } else { &["1.3"] };
    assert_eq!(info["tls"]["versions"], serde_json::json!(versions));
    let build = info["build"].as_object().expect("an object");
    for name in ["target", "profile", "rustc"] {
        assert!(build[name].as_str().is_some_and(|text| !text.is_empty() && !text.contains('/')), "{name} of {info}");
    }
}

#[test]
fn the_members_of_an_object_have_names_by_position() {
    let name = |json: &CStr, pointer: &str, position| {
        let found = unsafe { etcd_json_name(json.as_ptr(), c(pointer).as_ptr(), position) };
        (!found.is_null()).then(|| unsafe { Reply::take(found) }.raw().to_owned())
    };
    let members = c"{\"m\":{\"8e9e\":{},\"\\u00e9\":1},\"n\":[1]}";
    assert_eq!(name(members, "/m", 0).as_deref(), Some("8e9e"));
    assert_eq!(name(members, "/m", 1).as_deref(), Some("é"));
    assert_eq!(name(members, "", 1).as_deref(), Some("n"));
    for (pointer, position) in [("/m", 2), ("/m", -1), ("/n", 0), ("/m/8e9e", 0), ("/x", 0)] {
        assert_eq!(name(members, pointer, position), None, "{pointer} {position}");
    }
    unsafe {
        assert!(etcd_json_name(null(), c("").as_ptr(), 0).is_null());
        assert!(etcd_json_name(members.as_ptr(), null(), 0).is_null());
    }
}

#[test]
fn a_listing_is_walked_element_by_element() {
    let walk = |json: &CStr| {
        let mut rest = json.as_ptr();
        let mut found = Vec::new();
        loop {
            let next = unsafe { etcd_json_next(&mut rest) };
            if next.is_null() {
                // Once at the end it stays there.
                assert!(unsafe { etcd_json_next(&mut rest) }.is_null());
                return found;
            }
            found.push(unsafe { Reply::take(next) }.raw().to_owned());
        }
    };
    assert_eq!(walk(c" [ {\"a\":[1,2]} , \"x,]\" ,3]"), ["{\"a\":[1,2]}", "\"x,]\"", "3"]);
    assert_eq!(walk(c"{\"a\":1, \"b\" : {\"c\":[]}}"), ["1", "{\"c\":[]}"]);
    for none in [c"[]", c"{}", c"", c"1", c"\"a\"", c"[", c"{\"a\"", c"x[1]", c"[\xff]"] {
        assert_eq!(walk(none), [""; 0], "{none:?}");
    }
    // Elements around every size of what is looked at at once, with characters that may be cut.
    let elements: Vec<String> = (0..300).map(|i| format!("\"{}\"", "é".repeat(i * 7))).collect();
    assert_eq!(walk(&c(&format!("[{}]", elements.join(",")))), elements);
    unsafe {
        assert!(etcd_json_next(std::ptr::null_mut()).is_null());
        let mut nowhere = null();
        assert!(etcd_json_next(&mut nowhere).is_null());
    }
}
