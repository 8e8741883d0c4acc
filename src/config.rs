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
    /// The longest that a watch waits before it asks again; a dead server is noticed by then.
    pub poll_time: Duration,
    /// How many events of a watch without a callback wait for their reader.
    pub watch_queue: usize,
    /// The longest pause between two tries.
    pub max_retry_delay: Duration,
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
            poll_time: Duration::from_secs(30),
            watch_queue: 1024,
            max_retry_delay: Duration::from_secs(2),
            user_agent: concat!("libetcd/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}
