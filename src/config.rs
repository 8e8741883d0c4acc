//! What a client is told when it is made.

mod setting;

use std::net::SocketAddr;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::error::{Error, Result};

#[derive(Debug, Clone)]
pub struct Config {
    /// Empty: etcd's port on this machine.
    pub endpoints: Vec<Endpoint>,
    pub api: ApiVersion,
    pub username: Option<String>,
    pub password: Option<String>,
    pub tls: TlsConfig,
    /// To open one connection, name resolution and TLS included.
    pub connect_timeout: Duration,
    /// For a whole call, whatever it takes.
    pub request_timeout: Duration,
    /// How often an endpoint is tried in one call.
    pub attempts: u32,
    /// The longest pause between two tries.
    pub max_retry_delay: Duration,
    /// How often the endpoints are read anew from the cluster; zero: never.
    pub sync_interval: Duration,
    /// The domain whose SRV records name the endpoints.
    pub srv_domain: Option<String>,
    /// Whom to ask for them; `None`: whom the system asks.
    pub nameserver: Option<SocketAddr>,
    /// What they named.
    pub discovered: Vec<Endpoint>,
    pub max_response_bytes: usize,
    /// How many events of a watch without a callback wait for their reader.
    pub watch_queue: usize,
    /// The longest that a watch waits before it asks again; a dead server is noticed by then.
    pub poll_time: Duration,
    pub user_agent: String,
}

/// Which of etcd's APIs to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ApiVersion {
    #[default]
    V2,
}

impl ApiVersion {
    /// `parameter` is whose value it is, for the error.
    pub fn parse(text: &str, parameter: &str) -> Result<ApiVersion> {
        match text {
            "" | "v2" => Ok(ApiVersion::V2),
            "v3" => Err(Error::unsupported(format!("{parameter}: \"v3\" is not built yet; use \"v2\""))),
            _ => Err(Error::invalid(format!("{parameter}: must be \"v2\", not {text:?}"))),
        }
    }
}

/// Files are PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// Whom to trust; `None`: whom the system trusts.
    pub ca_file: Option<String>,
    pub cert_file: Option<String>,
    pub key_file: Option<String>,
    /// The name that the server's certificate must bear, if it is not the endpoint's host.
    pub server_name: Option<String>,
    pub insecure_skip_verify: bool,
}

impl Config {
    pub fn new(endpoints: Vec<Endpoint>, api: ApiVersion) -> Config {
        Config { endpoints, api, ..Config::default() }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            endpoints: Vec::new(),
            api: ApiVersion::default(),
            username: None,
            password: None,
            tls: TlsConfig::default(),
            connect_timeout: Duration::from_secs(2),
            // Longer than the 7 s after which etcd itself gives up on a write without a quorum, so that
            // its answer is heard.
            request_timeout: Duration::from_secs(10),
            attempts: 2,
            max_retry_delay: Duration::from_secs(2),
            sync_interval: Duration::ZERO,
            srv_domain: None,
            nameserver: None,
            discovered: Vec::new(),
            // A value of 10 MiB, the most etcd takes, all of it control characters, is 60 MiB of JSON.
            max_response_bytes: 128 << 20,
            watch_queue: 1024,
            poll_time: Duration::from_secs(30),
            user_agent: concat!("libetcd/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}
