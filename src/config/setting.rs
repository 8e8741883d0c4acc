//! Configuration by names and texts, as it comes from C, from a file, or from a command line.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::{ApiVersion, Config, EndpointUrl, TlsConfig};
use crate::base::error::{Error, Result};

const HOUR_MS: u64 = 3_600_000;

impl Config {
    /// Sets one value; the header lists all names. An error names it.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let text = || -> Result<_> { Ok(Some(value.to_owned())) };
        match name {
            "endpoints" => self.endpoints = endpoints(value)?.into(),
            "api" => self.api = ApiVersion::parse(value, name)?,
            "username" => self.username = username(value)?,
            "password" => self.password = text()?.map(Into::into),
            "tls.ca_file" => self.tls().ca_file = text()?,
            "tls.cert_file" => self.tls().cert_file = text()?,
            "tls.key_file" => self.tls().key_file = text()?,
            "tls.server_name" => self.tls().server_name = text()?,
            "tls.insecure_skip_verify" => self.tls().insecure_skip_verify = truth(name, value)?,
            "timeout.connect_ms" => self.connect_timeout = ms(name, value, 1..=HOUR_MS)?,
            "timeout.request_ms" => self.request_timeout = ms(name, value, 1..=HOUR_MS)?,
            "retry.attempts" => self.attempts = number(name, value, 1..=100)? as u32,
            "retry.max_delay_ms" => self.max_retry_delay = ms(name, value, 0..=HOUR_MS)?,
            "sync_interval_ms" => self.sync_interval = ms(name, value, 0..=24 * HOUR_MS)?,
            "discovery.srv_domain" => self.srv_domain = Some(domain(name, value)?),
            "discovery.nameserver" => self.nameserver = Some(address(name, value)?),
            "max_response_bytes" => self.max_response_bytes = size(number(name, value, 1024..=1 << 40)?),
            "watch.queue" => self.watch_queue = size(number(name, value, 1..=1_000_000)?),
            "watch.poll_ms" => self.poll_time = ms(name, value, 100..=HOUR_MS)?,
            "user_agent" => self.user_agent = user_agent(value)?,
            "root" => self.root = root(value)?.into(),
            "v3.strict_tree" => self.strict_tree = truth(name, value)?,
            "v3.tell_expire" => self.tell_expire = truth(name, value)?,
            "no_value_on_success" => self.no_value_on_success = truth(name, value)?,
            _ => return Err(Error::invalid(format!("{name:?}: no such configuration name"))),
        }
        Ok(())
    }

    fn tls(&mut self) -> &mut TlsConfig {
        Arc::make_mut(&mut self.tls)
    }

    /// Finds what is wrong only in combination.
    pub fn check(&self) -> Result<()> {
        if self.username.is_none() && self.password.is_some() {
            return Err(Error::invalid("password: is of no use without username"));
        }
        match (&self.tls.cert_file, &self.tls.key_file) {
            (Some(_), None) => Err(Error::invalid("tls.key_file: must be given with tls.cert_file")),
            (None, Some(_)) => Err(Error::invalid("tls.cert_file: must be given with tls.key_file")),
            _ => Ok(()),
        }
    }

    /// Whether only endpoints with TLS may be used, apart from those that are configured without.
    pub fn wants_tls(&self) -> bool {
        let has_secure = self.endpoints.iter().chain(&*self.discovered).any(|endpoint| endpoint.secure);
        has_secure || *self.tls != TlsConfig::default()
    }
}

fn endpoints(value: &str) -> Result<Vec<EndpointUrl>> {
    let all: Result<_> = value.split(',').map(|url| EndpointUrl::parse(url.trim())).collect();
    // A password may contain a comma, so a single piece does not show whether it is part of one, and none is shown.
    all.map_err(|error| if value.contains('@') { Error::invalid(WITH_CREDENTIALS) } else { error })
}

const WITH_CREDENTIALS: &str =
    "endpoints: a URL is wrong; it must not hold credentials: set username and password instead";

fn username(value: &str) -> Result<Option<Arc<str>>> {
    // RFC 7617, section 2: the name is what stands before the first ":".
    if value.is_empty() || value.contains(':') {
        return Err(Error::invalid("username: must be neither empty nor contain \":\""));
    }
    Ok(Some(value.into()))
}

fn user_agent(value: &str) -> Result<Arc<str>> {
    if value.is_empty() || !value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(Error::invalid("user_agent: must be visible ASCII"));
    }
    Ok(value.into())
}

fn root(value: &str) -> Result<String> {
    let is_path = value.split('/').all(|segment| segment != "." && segment != "..") && !value.contains("//");
    if value.is_empty() || (value.ends_with('/') && is_path) {
        return Ok(value.to_owned());
    }
    Err(Error::invalid(format!("root: must be empty or end in \"/\", without \"//\", \".\" and \"..\", not {value:?}")))
}

fn domain(name: &str, value: &str) -> Result<String> {
    // An empty one would ask the root for its services.
    if value.trim_end_matches('.').is_empty() {
        return Err(Error::invalid(format!("{name}: must be like \"example.com\", not {value:?}")));
    }
    Ok(value.to_owned())
}

fn address(name: &str, value: &str) -> Result<SocketAddr> {
    value.parse().map_err(|_| Error::invalid(format!("{name}: must be like \"127.0.0.1:53\", not {value:?}")))
}

fn truth(name: &str, value: &str) -> Result<bool> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Error::invalid(format!("{name}: must be \"true\" or \"false\", not {value:?}"))),
    }
}

fn ms(name: &str, value: &str, range: RangeInclusive<u64>) -> Result<Duration> {
    number(name, value, range).map(Duration::from_millis)
}

/// As a size of this machine, which may have fewer bits.
fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn number(name: &str, value: &str, range: RangeInclusive<u64>) -> Result<u64> {
    // Digits only: Rust's parser takes a sign, too. Whatever it refuses is told below.
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { value.parse().ok() } else { None };
    number.filter(|number| range.contains(number)).ok_or_else(|| {
        Error::invalid(format!("{name}: must be a number from {} to {}, not {value:?}", range.start(), range.end()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_takes_what_the_header_says() {
        for (name, good, bad) in [
            ("endpoints", "http://a:1, https://[::1]:2/p", "a:1"),
            ("api", "v2", "v9"),
            ("username", "root", "a:b"),
            ("password", "", ""),
            ("tls.ca_file", "ca.pem", ""),
            ("tls.cert_file", "cert.pem", ""),
            ("tls.key_file", "key.pem", ""),
            ("tls.server_name", "etcd", ""),
            ("tls.insecure_skip_verify", "true", "yes"),
            ("timeout.connect_ms", "1", "0"),
            ("timeout.request_ms", "3600000", "3600001"),
            ("retry.attempts", "100", "0"),
            ("retry.max_delay_ms", "0", "-1"),
            ("sync_interval_ms", "0", "+1"),
            ("discovery.srv_domain", "example.com", "."),
            ("discovery.nameserver", "[::1]:53", "localhost"),
            ("max_response_bytes", "1024", "1023"),
            ("watch.queue", "1", "0"),
            ("watch.poll_ms", "100", "1e3"),
            ("user_agent", "a/1 (b)", "a\r\nb"),
            ("root", "/app/", "/app"),
            ("root", "", "/a//b/"),
            ("v3.strict_tree", "false", "no"),
            ("v3.tell_expire", "true", "yes"),
            ("no_value_on_success", "true", ""),
        ] {
            let mut config = Config::default();
            config.set(name, good).unwrap();
            if !bad.is_empty() {
                let error = config.set(name, bad).unwrap_err();
                assert!(error.code == 1001 && error.cause.starts_with(name), "{error}");
            }
        }
        let mut config = Config::default();
        config.set("max_response_bytes", "1099511627776").unwrap();
        assert_eq!(config.max_response_bytes as u64, (1 << 40).min(usize::MAX as u64), "as much as there can be");
        assert_eq!(Config::default().set("timeout", "1").unwrap_err().cause, "\"timeout\": no such configuration name");
    }

    #[test]
    fn of_a_url_with_credentials_nothing_is_told() {
        for url in ["http://root:hunter2@h", "http://root:hun,ter2@h", "http://h:1,http://root:hunter2@h,x", "a:ter2@h"]
        {
            let cause = Config::default().set("endpoints", url).unwrap_err().cause;
            assert!(!["root", "hun", "ter2"].iter().any(|piece| cause.contains(piece)), "{cause}");
            assert!(cause.starts_with("endpoints: ") && cause.contains("username"), "{cause}");
        }
        Config::default().set("endpoints", "http://h/a@b").unwrap();
    }

    #[test]
    fn tls_is_wanted_where_anything_asks_for_it() {
        let wants = |name: &str, value: &str| {
            let mut config = Config::default();
            config.set(name, value).unwrap();
            config.wants_tls()
        };
        assert!(wants("endpoints", "http://h:1,https://h:2") && wants("tls.ca_file", "x"));
        assert!(wants("tls.insecure_skip_verify", "true"));
        assert!(!wants("endpoints", "http://h:1") && !wants("tls.insecure_skip_verify", "false"));
        let discovered = Arc::new([EndpointUrl::parse("https://h").unwrap()]);
        assert!(Config { discovered, ..Config::default() }.wants_tls());
    }

    #[test]
    fn what_belongs_together_is_checked_together() {
        let checked = |names: &[&str]| {
            let mut config = Config::default();
            names.iter().for_each(|name| config.set(name, "x").unwrap());
            config.check().is_ok()
        };
        assert!(checked(&[]) && checked(&["username"]) && checked(&["username", "password"]));
        assert!(!checked(&["password"]));
        assert!(checked(&["tls.cert_file", "tls.key_file"]));
        assert!(!checked(&["tls.cert_file"]) && !checked(&["tls.key_file"]));
    }
}
