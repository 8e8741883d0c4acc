//! The configuration of a client.

mod derived;
mod endpoint_url;
mod setting;
mod settings;

pub use endpoint_url::EndpointUrl;
pub use settings::Settings;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::error::{Error, Result};

#[derive(Debug, Clone)]
pub struct Config {
    /// Empty: etcd's port on this machine.
    pub endpoints: Arc<[EndpointUrl]>,
    pub api: ApiVersion,
    pub username: Option<Arc<str>>,
    pub password: Option<Arc<str>>,
    pub tls: Arc<TlsConfig>,
    /// To open one connection, TLS included, once the address is known.
    pub connect_timeout: Duration,
    /// For a whole call, all its tries included.
    pub request_timeout: Duration,
    /// How often an endpoint is tried in one call.
    pub attempts: u32,
    /// The longest pause between two tries.
    pub max_retry_delay: Duration,
    /// How often the endpoints are read anew from the cluster; zero: never.
    pub sync_interval: Duration,
    /// The domain whose SRV records name the endpoints.
    pub srv_domain: Option<String>,
    /// The name server to ask for them; `None`: the system's.
    pub nameserver: Option<SocketAddr>,
    /// The endpoints that they named.
    pub discovered: Arc<[EndpointUrl]>,
    pub max_response_bytes: usize,
    /// How many events of a watch without a callback wait for their reader.
    pub watch_queue: usize,
    /// The longest that a watch waits before it asks again; a dead server is noticed by then.
    pub poll_time: Duration,
    pub user_agent: Arc<str>,
    /// What every key of the v3 API begins with; on v2, the directory that every key is below.
    pub root: Arc<str>,
    /// Whether the v3 API keeps the rules of a tree.
    pub strict_tree: bool,
    /// Whether a watch of the v3 API tells an expired key from a deleted one, which takes a request.
    pub tell_expire: bool,
    /// Whether the replies of writes with a condition leave out the node.
    pub no_value_on_success: bool,
}

/// Which of etcd's APIs to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiVersion {
    /// The one that the server has; the first call finds out.
    #[default]
    Auto,
    /// The paths of etcd 2 to 3.5.
    V2,
    /// The flat store of etcd 3, on 3.4 and later.
    V3,
}

impl ApiVersion {
    /// `parameter` is whose value it is, for the error.
    pub fn parse(text: &str, parameter: &str) -> Result<ApiVersion> {
        match text {
            "" | "auto" => Ok(ApiVersion::Auto),
            "v2" => Ok(ApiVersion::V2),
            "v3" => Ok(ApiVersion::V3),
            _ => Err(Error::invalid(format!("{parameter}: must be \"v2\", \"v3\" or \"auto\", not {text:?}"))),
        }
    }
}

/// Files are PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// The authorities to trust; `None`: the system's.
    pub ca_file: Option<String>,
    pub cert_file: Option<String>,
    pub key_file: Option<String>,
    /// The name that the server's certificate must bear, if it is not the endpoint's host.
    pub server_name: Option<String>,
    pub insecure_skip_verify: bool,
}

impl Config {
    pub fn new(endpoints: Vec<EndpointUrl>, api: ApiVersion) -> Config {
        Config { endpoints: endpoints.into(), api, ..Config::default() }
    }

    /// For one server, without TLS and credentials: "" is 127.0.0.1, and port 0 is 2379.
    pub fn for_host(host: &str, port: u16, api: ApiVersion) -> Result<Config> {
        Ok(Config::new(vec![EndpointUrl::from_host(host, port)?], api))
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            endpoints: Arc::default(),
            api: ApiVersion::default(),
            username: None,
            password: None,
            tls: Arc::default(),
            connect_timeout: Duration::from_secs(2),
            // Longer than the 7 s after which etcd itself gives up on a write without a quorum, so that
            // its answer is heard.
            request_timeout: Duration::from_secs(10),
            attempts: 2,
            max_retry_delay: Duration::from_secs(2),
            sync_interval: Duration::ZERO,
            srv_domain: None,
            nameserver: None,
            discovered: Arc::default(),
            // A value of 10 MiB, the most etcd takes, all of it control characters, is 60 MiB of JSON.
            max_response_bytes: 128 << 20,
            watch_queue: 1024,
            poll_time: Duration::from_secs(30),
            user_agent: concat!("libetcd/", env!("CARGO_PKG_VERSION")).into(),
            root: "/".into(),
            strict_tree: true,
            tell_expire: true,
            no_value_on_success: false,
        }
    }
}
