//! What a client is told when it is made.

use std::time::Duration;

use crate::endpoint::Endpoint;

#[derive(Debug, Clone)]
pub struct Config {
    pub endpoints: Vec<Endpoint>,
    /// To open one connection, name resolution included.
    pub connect_timeout: Duration,
    /// For a whole call, whatever it takes.
    pub request_timeout: Duration,
    pub max_response_bytes: usize,
    pub user_agent: String,
}

impl Config {
    pub fn new(endpoints: Vec<Endpoint>) -> Config {
        Config { endpoints, ..Config::default() }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            endpoints: Vec::new(),
            connect_timeout: Duration::from_secs(2),
            // Longer than the 7 s after which etcd itself gives up on a write without a quorum, so that
            // its answer is heard.
            request_timeout: Duration::from_secs(10),
            // A value of 10 MiB, the most etcd takes, all of it control characters, is 60 MiB of JSON.
            max_response_bytes: 128 << 20,
            user_agent: concat!("libetcd/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}
