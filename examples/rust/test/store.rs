//! v3's store as it is: bytes, ranges, transactions.

use std::ops::ControlFlow;
use std::sync::mpsc::channel;

use etcd::codes::*;
use etcd::{
    ChangeKind, Client, Compare, GetOptions, Keys, Op, OpReply, PutOptions, RangeEvent, RangeOptions,
    RangeWatchOptions, Txn, json,
};

use crate::{ROOT, at, clear, fails, v3};

pub fn bytes_and_ranges(v2: &Client, url: &str) {
    let (client, key) = (&v3(url), [ROOT.as_bytes(), b"/\xff\0"].concat());
    clear(client);
    let prefix = || Keys::prefix(at(""));
    assert!(client.put(&key, b"\0\xfe").unwrap().prev_kv.is_none());
    let put = client.put_with(&key, "text", PutOptions::new().prev_kv()).unwrap();
    let former = put.prev_kv.unwrap();
    assert_eq!((&*former.key, &*former.value, former.version), (&*key, &b"\0\xfe"[..], 1));
    let read = client.range(&key).unwrap();
    assert_eq!((read.count, read.kvs[0].mod_revision, &*read.kvs[0].value), (1, put.header.revision, &b"text"[..]));
    assert_eq!(client.get_with(ROOT, GetOptions::new().recursive()).unwrap().node.unwrap().nodes.len(), 1);

    let error = fails(client.put_if(&key, "", 0, PutOptions::new()), ETCD_ERROR_COMPARE_FAILED);
    assert_eq!(error.kv.map(|kv| kv.key), Some(key.clone()));
    client.put_if(&key, "3", put.header.revision, PutOptions::new()).unwrap();
    fails(client.put_if(&key, "", -1, PutOptions::new()), ETCD_ERROR_INVALID_ARGUMENT);
    (0..9).for_each(|number| drop(client.put(at(&number.to_string()), "").unwrap()));
    let last = client.range_with(prefix(), RangeOptions::new().descending().limit(2).keys_only()).unwrap();
    assert_eq!((last.more, last.count, &*last.kvs[0].key, &*last.kvs[1].key), (true, 10, &*key, at("8").as_bytes()));
    assert_eq!(client.range_with(prefix(), RangeOptions::new().count_only()).unwrap().count, 10);
    let before = RangeOptions::new().revision(put.header.revision.unsigned_abs()).serializable();
    assert_eq!(client.range_with(prefix(), before).unwrap().kvs.len(), 1);
    assert_eq!(client.range(at("3")..at("5")).unwrap().count, 2);
    assert!(client.range(at("3")..).unwrap().count >= 7 && client.range(..).unwrap().count >= 10);
    fails(client.range(""), ETCD_ERROR_INVALID_ARGUMENT);
    fails(client.range("a"..""), ETCD_ERROR_INVALID_ARGUMENT);
    fails(v2.range(&key), ETCD_ERROR_UNSUPPORTED);

    let revision = client.range(at("3")).unwrap().kvs[0].mod_revision;
    fails(client.delete_if(at("3"), revision + 1), ETCD_ERROR_COMPARE_FAILED);
    assert_eq!(client.delete_if(at("3"), revision).unwrap().deleted, 1);
    fails(client.delete_if(at("3"), revision), ETCD_ERROR_KEY_NOT_FOUND);
    assert_eq!(client.take_range(at("4")).unwrap().prev_kvs[0].key, at("4").as_bytes());
    assert_eq!(client.delete_range(prefix()).unwrap().deleted, 8);
}

pub fn watches_of_ranges(_: &Client, url: &str) {
    let client = v3(url);
    let options = RangeWatchOptions::new().prev_kv();
    let mut watch = client.watch_range(Keys::prefix(ROOT), options).unwrap();
    let both = Txn::new().then([Op::put(at("a"), b"\xff"), Op::put(at("b"), "")]);
    let revision = client.txn(&both).unwrap().header.revision;
    client.delete_range(Keys::prefix(ROOT)).unwrap();
    // An event holds whole revisions, one or both of these.
    let mut changes = Vec::new();
    while changes.len() < 4 {
        let event = watch.next().unwrap().unwrap();
        let next = event.next_revision();
        let RangeEvent::Changes { events, .. } = event else { panic!("{event:?}") };
        changes.extend(events);
        assert_eq!(changes.last().unwrap().kv.mod_revision.unsigned_abs() + 1, next);
    }
    assert_eq!((changes[0].kind, &*changes[0].kv.value), (ChangeKind::Put, &b"\xff"[..]));
    assert_eq!((changes[1].kind, changes[1].kv.mod_revision), (ChangeKind::Put, revision));
    assert_eq!((changes[2].kind, &*changes[2].prev_kv.as_ref().unwrap().value), (ChangeKind::Delete, &b"\xff"[..]));

    let (said, heard) = channel();
    let since = RangeWatchOptions::new().from(revision.unsigned_abs()).no_delete();
    let past = client.watch_range_loop(at("a")..at("c"), since, move |event| {
        said.send(event.unwrap()).unwrap();
        ControlFlow::Break(())
    });
    past.unwrap().wait();
    assert!(matches!(heard.recv().unwrap(), RangeEvent::Changes { events, .. } if events.len() == 2));
}

pub fn transactions_and_calls(_: &Client, url: &str) {
    let (client, from, to) = (v3(url), at("from"), at("to"));
    client.put(&from, "1").unwrap();
    let moved = Txn::new()
        .when([Compare::value(&from).equals("1"), Compare::absent(&to), Compare::version(&from).is_less_than(2)])
        .then([Op::put(&to, "2"), Op::take(&from)])
        .otherwise([Op::get(&to)]);
    let done = client.txn(&moved).unwrap();
    assert!(done.succeeded && matches!(done.responses[0], OpReply::Put(_)) && done.responses[1].kvs()[0].value == b"1");
    let again = client.txn(&moved).unwrap();
    assert!(!again.succeeded && again.responses[0].kvs()[0].value == b"2", "{again:?}");
    let json: Txn = json!({"success": [{"request_delete_range": {"key": to}}]}).to_string().parse().unwrap();
    assert!(client.txn(&json).unwrap().succeeded && !client.exists(&to).unwrap());
    fails(client.txn(&Txn::new().then([Op::put("", "")])), ETCD_ERROR_INVALID_ARGUMENT);

    let status = client.call("maintenance/status", &json!({})).unwrap();
    assert!(status["db_size"].as_i64().unwrap() > 0, "{status}");
    fails(client.call("weather/forecast", &json!({})), ETCD_ERROR_INVALID_ARGUMENT);
}
