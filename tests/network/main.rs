//! Names, connections and TLS: where the network, the system or the environment are not as they should be.

mod authorities;
mod certificates;
mod limits;
mod names;
mod privileged;
mod zones;

/// A read's result as etcd sends it.
const NODE: &str = r#"{"action":"get","node":{"key":"/a","value":"1","modifiedIndex":4,"createdIndex":4}}"#;
