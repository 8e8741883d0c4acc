//! What users may put into keys and values: every character and any length arrives as it was given.

use support::api::*;
use support::etcd::Etcd;
use support::on_each;

/// Each would end, split or change a URL or a form, or an older client was known to break on it.
const AWKWARD: [&str; 26] = [
    " ",
    "a b ",
    "a?recursive=true",
    "a#b",
    "100%",
    "%41",
    "%2F",
    "%",
    "a+b",
    "a;prevExist=true",
    "a&ttl=1",
    "a=b",
    "\"a\" 'b'",
    "a\\b",
    "a\nb",
    "a\r\nX-Injected: b",
    "\t\u{1}\u{7f}",
    "<a>&amp;",
    "...",
    "{[(~!@$^*,:|`)]}",
    "café",
    "cafe\u{301}",
    "日本/語",
    "😀",
    "\u{feff}\u{2028}\u{fffd}",
    "\\u0041",
];

fn client(etcd: &Etcd) -> Client {
    Client::connect("127.0.0.1", etcd.port())
}

#[test]
fn a_key_of_any_characters_names_itself_and_nothing_else() {
    on_each(|_, client, dir| {
        let ascii = (1..=127).map(char::from).filter(|c| *c != '/').map(|c| format!("x{c}y"));
        let names = Vec::from_iter(AWKWARD.into_iter().map(str::to_owned).chain(ascii));
        let keys = Vec::from_iter(names.iter().map(|name| format!("{dir}/{name}")));
        for (name, key) in names.iter().zip(&keys) {
            assert!(!client.exists(key).unwrap(), "{key:?}");
            let reply = client.create(key, name).ok();
            assert_eq!(reply.text("/node/key").as_ref(), Some(key));
        }
        for (name, key) in names.iter().zip(&keys) {
            let reply = client.get(key, ETCD_QUORUM).ok();
            assert_eq!(reply.text("/node/key").as_ref(), Some(key));
            assert_eq!(reply.text("/node/value").as_ref(), Some(name));
        }
        // One name is a path of two.
        assert_eq!(client.get(dir, 0).ok().len("/node/nodes"), names.len() as i64);
        for key in &keys {
            client.delete(key).ok();
        }
        client.delete(&format!("{dir}/日本")).fails(ETCD_ERROR_NOT_FILE);
        client.deletedir(&format!("{dir}/日本"), 0).ok();
        assert_eq!(client.get(dir, 0).ok().len("/node/nodes"), -1);
    });
}

#[test]
fn a_value_of_any_characters_arrives_as_it_was_given() {
    on_each(|_, client, dir| {
        let every_ascii: String = (1..=127).map(char::from).collect();
        let further = ["", "value=2", "1&prevExist=false", "\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}"];
        for (i, value) in AWKWARD.into_iter().chain(further).chain([&*every_ascii]).enumerate() {
            let key = format!("{dir}/{i}");
            let is = |reply: Reply| {
                let reply = reply.ok();
                assert_eq!(reply.text("/node/value").as_deref(), Some(value));
                assert_eq!(reply.text("/node/ttl"), None, "{reply}");
                reply
            };
            is(client.set(&key, value));
            is(client.get(&key, 0));
            is(client.update(&key, value));
            client.delete(&key).ok();
            is(client.create(&key, value));
            let index =
                client.cas_with(&key, value, None, is(client.get(&key, 0)).int("/node/modifiedIndex") as u64, 0);
            is(index);
            is(client.set_with(&format!("{dir}/ordered"), value, 0, ETCD_ORDERED));
        }
    });
}

#[test]
fn a_value_of_any_characters_is_compared_as_it_was_given() {
    on_each(|_, client, dir| {
        for (i, value) in AWKWARD.into_iter().enumerate() {
            let key = format!("{dir}/{i}");
            client.set(&key, value).ok();
            let other = format!("{value}x");
            client.cas(&key, "swapped", &other).fails(ETCD_ERROR_COMPARE_FAILED);
            let refused = client.cad(&key, Some(&other), 0).fails(ETCD_ERROR_COMPARE_FAILED);
            assert_eq!(refused.text("/cause"), Some(format!("[{other} != {value}]")));
            client.cas(&key, value, value).ok();
            client.cad(&key, Some(value), 0).ok();
        }
    });
}

/// A plain-text port of etcd 3 resets a connection whose first request line is longer than 4,094 bytes.
#[test]
fn a_key_of_any_length_is_taken_on_a_new_connection() {
    on_each(|etcd, _, dir| {
        let around_the_limit = 4094 - "DELETE /v2/keys HTTP/1.1".len()..=4094 - "GET /v2/keys HTTP/1.1".len() + 1;
        for length in around_the_limit.chain([4500, 100_000]) {
            let key = format!("{dir}/{}", "k".repeat(length - dir.len() - 1));
            assert_eq!(client(etcd).set(&key, "1").ok().text("/node/key").as_ref(), Some(&key));
            assert_eq!(client(etcd).get(&key, 0).ok().text("/node/value").as_deref(), Some("1"));
            assert!(client(etcd).exists(&key).unwrap());
            client(etcd).cas(&key, "2", "1").ok();
            client(etcd).cad(&key, Some("2"), 0).ok();
            client(etcd).create(&key, "3").ok();
            client(etcd).delete(&key).ok();
            client(etcd).delete(&key).fails(ETCD_ERROR_KEY_NOT_FOUND);
        }
    });
}

#[test]
fn a_long_key_may_be_of_any_characters() {
    on_each(|etcd, _, dir| {
        let key = format!("{dir}/{}", "é %".repeat(10_000));
        client(etcd).set(&key, "1").ok();
        assert_eq!(client(etcd).get(&key, 0).ok().text("/node/key").as_ref(), Some(&key));
        client(etcd).cad(&key, Some("1"), 0).ok();
    });
}

/// Beyond a mebibyte of request line etcd answers 431 and resets the connection, on which the library may
/// still be sending: how much of the answer arrives is chance.
#[test]
fn a_key_too_long_for_the_server_is_an_error_and_no_more() {
    on_each(|_, client, dir| {
        let key = format!("{dir}/{}", "k".repeat(2 << 20));
        let read = client.get(&key, 0).code();
        assert!([ETCD_ERROR_HTTP, ETCD_ERROR_BAD_RESPONSE, ETCD_ERROR_UNAVAILABLE].contains(&read), "{read}");
        let written = client.set(&key, "1").code();
        assert!([ETCD_ERROR_HTTP, ETCD_ERROR_BAD_RESPONSE, ETCD_ERROR_OUTCOME_UNKNOWN].contains(&written), "{written}");
        client.get(dir, 0).fails(ETCD_ERROR_KEY_NOT_FOUND);
    });
}
