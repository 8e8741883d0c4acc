//! Where an etcd server is: a URL, taken apart once.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use http::Uri;

use crate::error::{Error, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub secure: bool,
    /// Name or address, without the brackets of IPv6, as all spell it: lower case, and an address of IPv6 in its usual
    /// form.
    pub host: String,
    pub port: u16,
    /// "" or like "/etcd": what a reverse proxy wants before every path.
    pub prefix: String,
}

impl Endpoint {
    /// `http://host:port/prefix`; the port may be left out for HTTP's own, 80 and 443.
    pub fn parse(url: &str) -> Result<Endpoint> {
        let shown = without_credentials(url);
        let wrong = |why: &str| Error::invalid(format!("endpoints: {shown:?} {why}"));
        let uri: Uri = url.parse().map_err(|error| wrong(&format!("is not a URL: {error}")))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong("must begin with \"http://\" or \"https://\"")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("has no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("must not hold credentials; set username and password instead"));
        }
        if uri.query().is_some() {
            return Err(wrong("must not have a query"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let has_port = authority.as_str().len() > authority.host().len();
        let port = match authority.port_u16() {
            Some(port) if port > 0 => port,
            None if !has_port => {
                if secure {
                    443
                } else {
                    80
                }
            }
            _ => return Err(wrong("has a port that cannot be")),
        };
        let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        let is_bracketed = authority.host().starts_with('[');
        let host = match host.parse::<Ipv6Addr>() {
            Ok(address) if is_bracketed => address.to_string(),
            _ if !is_bracketed && is_name && !host.is_empty() => host.to_ascii_lowercase(),
            _ => return Err(wrong("has a host that cannot be")),
        };
        Ok(Endpoint { secure, host, port, prefix: uri.path().trim_end_matches('/').to_owned() })
    }

    /// etcd's port on this machine.
    pub fn local() -> Endpoint {
        Endpoint { secure: false, host: "127.0.0.1".to_owned(), port: ETCD_PORT, prefix: String::new() }
    }

    /// As `etcd_connect` takes it: "" is this machine, port 0 is etcd's.
    pub fn from_host(host: &str, port: u16) -> Result<Endpoint> {
        let host = if host.is_empty() { "127.0.0.1" } else { host };
        let port = if port == 0 { ETCD_PORT } else { port };
        let bracketed =
            if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() };
        let shown = without_credentials(host);
        let wrong = || Error::invalid(format!("host: {shown:?} must be a name or an address, without scheme or port"));
        if bracketed.contains(['/', '?', '#', '@', '%']) {
            return Err(wrong());
        }
        Endpoint::parse(&format!("http://{bracketed}:{port}")).map_err(|_| wrong())
    }

    /// The `Host` line's content.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// What of a URL may be told: a password in it, which is refused, is nobody's business.
fn without_credentials(url: &str) -> Cow<'_, str> {
    match url.rsplit_once('@') {
        None => Cow::Borrowed(url),
        Some((before, host)) => {
            let scheme = before.find("://").map_or("", |end| &before[..end + 3]);
            Cow::Owned(format!("{scheme}...@{host}"))
        }
    }
}

/// The port that IANA gave etcd's clients.
const ETCD_PORT: u16 = 2379;

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (url, expected) in [
            ("http://h:1", (false, "h", 1, "")),
            ("https://h", (true, "h", 443, "")),
            ("http://h/", (false, "h", 80, "")),
            ("http://[::1]:2379/etcd/", (false, "::1", 2379, "/etcd")),
        ] {
            let got = Endpoint::parse(url).unwrap();
            assert_eq!((got.secure, &*got.host, got.port, &*got.prefix), expected, "{url}");
        }
        assert_eq!(Endpoint::parse("http://[::1]:1/p").unwrap().to_string(), "http://[::1]:1/p");
    }

    #[test]
    fn one_host_has_one_spelling() {
        for (url, shown) in [
            ("http://Etcd1.Example:1/Path", "http://etcd1.example:1/Path"),
            ("HTTP://h:1", "http://h:1"),
            ("http://[0:0:0:0:0:0:0:1]:1", "http://[::1]:1"),
            ("http://[2001:DB8::0:1]:1", "http://[2001:db8::1]:1"),
        ] {
            assert_eq!(Endpoint::parse(url).unwrap().to_string(), shown);
        }
        assert_eq!(Endpoint::from_host("0:0::1", 1).unwrap(), Endpoint::parse("http://[::1]:1").unwrap());
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for bad in [
            "",
            "h:1",
            "ftp://h",
            "http://",
            "http://u:p@h",
            "http://h:0",
            "http://h:99999",
            "http://h:",
            "http://h/?q",
            "http://a,b",
            "http://[h]",
            "http://h h",
        ] {
            assert_eq!(Endpoint::parse(bad).unwrap_err().code, 1001, "{bad}");
        }
    }

    #[test]
    fn a_host_may_be_a_name_or_an_address_or_nothing() {
        for (host, port, shown) in [
            ("", 0, "http://127.0.0.1:2379"),
            ("etcd.example", 4001, "http://etcd.example:4001"),
            ("::1", 0, "http://[::1]:2379"),
            ("[::1]", 0, "http://[::1]:2379"),
        ] {
            assert_eq!(Endpoint::from_host(host, port).unwrap().to_string(), shown);
        }
        for bad in ["http://h", "a,b", "h:1", "h/p", "u@h", "h h", "h?", "%41"] {
            assert_eq!(Endpoint::from_host(bad, 0).unwrap_err().code, 1001, "{bad}");
        }
    }
}
