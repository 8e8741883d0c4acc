//! Elections: a lock whose holder leads, and those who watch it.

use std::io::{BufRead, BufReader};

use support::api::*;
use support::ctl::Ctl;
use support::lease::{Leadership, Lock};
use support::wait_until;

use crate::{LONG, SECOND, client, on_each};

#[test]
fn who_leads_is_watched() {
    on_each(|etcd, api, dir| {
        let (one, two, observer) = (client(etcd, api), client(etcd, api), client(etcd, api));
        let name = &format!("{dir}/leader");
        let watch = Leadership::watch(&observer, name);
        assert_eq!(watch.next(), None);
        let first = Lock::open(&one, name, "one", LONG, 0).expect("a candidate");
        assert_eq!(watch.next().as_deref(), Some("one"));
        let second = Lock::open(&two, name, "two", LONG, 0).expect("a candidate");
        let token = first.token();
        let said = first.proclaim("one, busy").ok();
        assert_eq!(said.text("/node/value").as_deref(), Some("one, busy"));
        assert_eq!((said.int("/node/createdIndex"), first.token()), (token as i64, token));
        assert_eq!(watch.next().as_deref(), Some("one, busy"));
        second.proclaim("not yet").fails(ETCD_ERROR_COMPARE_FAILED);
        drop(first);
        assert_eq!(watch.next().as_deref(), Some("two"));
        drop(second);
        watch.until(None);
    });
}

/// The first line that a program prints.
fn first_line(child: &mut std::process::Child) -> String {
    let mut lines = BufReader::new(child.stdout.take().expect("it has a pipe")).lines();
    lines.next().expect("a line").expect("a text")
}

#[test]
fn etcdctl_stands_in_the_same_line() {
    on_each(|etcd, api, dir| {
        if api == "v2" {
            return;
        }
        let (client, ctl) = (client(etcd, api), Ctl::of(etcd));
        let name = &format!("{dir}/lock");
        // It waits for ours.
        let ours = Lock::open(&client, name, "", LONG, 0).expect("a lock");
        assert_eq!(ours.wait(30 * SECOND), 1);
        let mut theirs = ctl.start(&["lock", name]);
        wait_until(30 * SECOND, "etcdctl is in the line", || ctl.keys(&format!("{name}/")).len() == 2);
        // And ours for it.
        let last = Lock::open(&client, name, "", LONG, 0).expect("a place");
        drop(ours);
        let holder = first_line(&mut theirs);
        assert!(holder.starts_with(&format!("{name}/")), "{holder}");
        assert_eq!(last.wait(std::time::Duration::from_millis(100)), 0);
        unsafe { libc::kill(theirs.id() as i32, libc::SIGINT) };
        theirs.wait().expect("it ends");
        assert_eq!(last.wait(60 * SECOND), 1);
    });
}

#[test]
fn etcdctl_sees_our_leader_and_we_see_its() {
    on_each(|etcd, api, dir| {
        if api == "v2" {
            return;
        }
        let (client, ctl) = (client(etcd, api), Ctl::of(etcd));
        let name = &format!("{dir}/leader");
        let ours = Lock::open(&client, name, "ours", LONG, 0).expect("a candidate");
        let mut observer = ctl.start(&["elect", "--listen", name]);
        let key = first_line(&mut observer);
        assert_eq!(key, ours.key());
        let theirs = ctl.start(&["elect", name, "theirs"]);
        wait_until(30 * SECOND, "etcdctl is a candidate", || ctl.keys(&format!("{name}/")).len() == 2);
        let watch = Leadership::watch(&client, name);
        assert_eq!(watch.next().as_deref(), Some("ours"));
        drop(ours);
        assert_eq!(watch.next().as_deref(), Some("theirs"));
        for mut child in [observer, theirs] {
            unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
            child.wait().expect("it ends");
        }
    });
}
