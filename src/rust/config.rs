//! What a client is to be.

use std::fmt;
use std::time::Duration;

use super::error::Result;
use crate::config::{ApiVersion, Config as Plain, Settings};

/// What a client is to be, put together and then connected; or what a client that is made of another one has otherwise
/// ([`Client::with`](crate::Client::with)). The settings by their names stand in the README, "Configuration". A name or a
/// value that is invalid is an error when it is used.
///
/// ```no_run
/// use std::time::Duration;
/// use etcd::{ApiVersion, Config};
///
/// let client = Config::new()
///     .endpoints(["https://10.0.0.1:2379", "https://10.0.0.2:2379"])
///     .api(ApiVersion::V3)
///     .credentials("app", "secret")
///     .request_timeout(Duration::from_secs(5))
///     .set("tls.ca_file", "/etc/etcd/ca.pem")
///     .connect()?;
/// # Ok::<(), etcd::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Config(Settings);

impl Config {
    /// Everything has its default: one endpoint, 127.0.0.1 with port 2379.
    pub fn new() -> Config {
        Config::default()
    }

    /// A setting by its name. The value is a text also where it is a number; yes or no is "true" or "false".
    pub fn set(mut self, name: &str, value: &str) -> Config {
        // Kept for who uses it.
        let _ = self.0.set(Ok((name, value)));
        self
    }

    /// URLs of the cluster's members, "http" or "https".
    pub fn endpoints<T: AsRef<str>>(self, urls: impl IntoIterator<Item = T>) -> Config {
        let urls = comma_separated(urls);
        self.set("endpoints", &urls)
    }

    /// Which of etcd's APIs to use.
    pub fn api(self, api: ApiVersion) -> Config {
        let name = match api {
            ApiVersion::Auto => "auto",
            ApiVersion::V2 => "v2",
            ApiVersion::V3 => "v3",
        };
        self.set("api", name)
    }

    /// The name and the password of a user of etcd's.
    pub fn credentials(self, user: &str, password: &str) -> Config {
        self.set("username", user).set("password", password)
    }

    /// For one call, all its requests and tries included; a millisecond at least, 10 seconds if it is not set.
    pub fn request_timeout(self, time: Duration) -> Config {
        self.set("timeout.request_ms", &milliseconds(time))
    }

    /// To open one connection, TLS included; a millisecond at least, 2 seconds if it is not set.
    pub fn connect_timeout(self, time: Duration) -> Config {
        self.set("timeout.connect_ms", &milliseconds(time))
    }

    /// What every path is below, like "/app/": replies have it taken off. Ranges and transactions know nothing of it.
    pub fn root(self, root: &str) -> Config {
        self.set("root", root)
    }

    pub(super) fn plain(&self) -> Result<Plain> {
        Ok(self.0.config()?)
    }

    pub(super) fn over(&self, config: &Plain) -> Result<Plain> {
        Ok(self.0.over(config)?)
    }
}

/// Without the password.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").finish_non_exhaustive()
    }
}

/// Texts in the form in which settings take several.
pub fn comma_separated<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<T> = texts.into_iter().collect();
    texts.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(",")
}

/// Rounded up: no time at all is refused.
fn milliseconds(time: Duration) -> String {
    time.as_nanos().div_ceil(1_000_000).to_string()
}
