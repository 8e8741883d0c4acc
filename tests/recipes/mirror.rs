//! A copy of a mirror that is kept up by nothing but the changes it tells.

use std::collections::BTreeMap;

use serde_json::Value;
use support::api::*;
use support::watch::Event;

/// Keys with their values and indexes; directories are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copy(pub BTreeMap<String, (String, u64)>);

impl Copy {
    /// Of a listing; an error that says that nothing is there is an empty one.
    #[track_caller]
    pub fn of(reply: &Reply) -> Copy {
        let mut copy = Copy::default();
        match reply.code() {
            ETCD_ERROR_KEY_NOT_FOUND => {}
            0 => copy.add(&reply.json()["node"]),
            _ => panic!("{reply}"),
        }
        copy
    }

    fn add(&mut self, node: &Value) {
        if let Some(value) = node["value"].as_str().or(node["value_base64"].as_str()) {
            let index = node["modifiedIndex"].as_u64().expect("an index");
            self.0.insert(node["key"].as_str().expect("a key").to_owned(), (value.to_owned(), index));
        }
        node["nodes"].as_array().into_iter().flatten().for_each(|node| self.add(node));
    }

    /// As a change says.
    #[track_caller]
    pub fn take(&mut self, change: &Event) {
        match change.action() {
            "resync" => {
                self.0.clear();
                self.add(&change.json["node"]);
            }
            "delete" | "expire" | "compareAndDelete" => {
                let below = format!("{}/", change.key());
                let is_directory = change.json["node"]["dir"] == true;
                self.0.retain(|key, _| key != change.key() && !(is_directory && key.starts_with(&below)));
            }
            "set" | "create" | "update" | "compareAndSwap" => self.add(&change.json["node"]),
            _ => panic!("{change}"),
        }
    }
}
