//! Whole operations against a server whose answers are the input, and where keys lie in the store.

use super::V3;
use super::state::Settings;
use super::tokens::Credentials;
use super::tree::Tree;
use crate::api::fuzz::{Answers, run};
use crate::api::holding::{Holding, Lease};
use crate::base::fuzz::{Input, check};
use crate::operation::Key;

/// Settings as a byte picks them.
pub fn settings(variant: u8) -> Settings {
    let is = |bit: u8| variant >> bit & 1 == 1;
    let root = ["/", "/app/", "", "/\u{e4}/"][usize::from(variant % 4)].to_owned();
    let credentials = is(4).then(|| Credentials { name: "root".to_owned(), password: "x".to_owned() });
    Settings { root, strict_tree: !is(2), tell_expire: !is(3), max_reply: 1 << 20, credentials, ..Settings::default() }
}

pub fn operations(data: &[u8]) {
    let mut input = Input::new(data);
    let v3 = V3::of(settings(input.byte()));
    run(&v3, input);
}

/// Leases, lines of keys, and what else recipes want of a store.
pub fn holding(data: &[u8]) {
    let mut input = Input::new(data);
    let v3 = V3::of(settings(input.byte()));
    let holding: &dyn Holding = &v3;
    let Ok(line) = Key::parse("/line") else { return };
    let server = &Answers::new(input);
    let lease = holding.grant(10, server).unwrap_or(Lease { id: 7, ttl: 10 });
    check(&holding.leader(&line, server).map(|(leader, _)| leader.map_or("{}".to_owned(), |leader| leader.json)));
    match holding.join(lease, &line, "value", server) {
        Ok(claim) => {
            check(&holding.turn(&line, &claim, server).map(|_| "{}".to_owned()));
            check(&holding.check(lease, &claim, server).map(|_| "{}".to_owned()));
            check(&holding.proclaim(lease, &claim, "other", server));
            check(&holding.guarded(&claim, &Default::default(), server));
            check(&holding.release(lease, Some(&claim), server).map(|()| "{}".to_owned()));
        }
        Err(error) => check(&Err(error)),
    }
    check(&holding.claim(lease, &line, "value", server).map(|_| "{}".to_owned()));
}

/// A key lies below its root, behind the directories that it is in, and its path is the key again.
pub fn key(key: &Key) {
    for root in ["/", "/app/", ""] {
        let tree = Tree::new(root);
        let place = tree.place(key);
        assert_eq!(place.is_root(), key.name().is_empty());
        assert!(place.marker.starts_with(root.as_bytes()) && place.begin().starts_with(&place.marker));
        assert!(place.end > place.marker || place.end == [0]);
        if place.is_root() {
            continue;
        }
        assert_eq!(tree.path(&place.key).map(|path| path.bytes()), Some(key.name().as_bytes().to_vec()));
        assert!(place.ancestors.iter().all(|above| place.key.starts_with(above) && above.len() < place.key.len()));
    }
}
