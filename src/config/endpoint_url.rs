//! Where an etcd server is: a URL, taken apart once.

mod host;

use std::borrow::Cow;

use http::Uri;

use crate::base::error::{Error, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointUrl {
    pub secure: bool,
    /// Name or address, without the brackets of IPv6, in one spelling: lower case, and an address of IPv6 in its usual
    /// form, with "%" and its zone if it has one.
    pub host: String,
    pub port: u16,
    /// "" or like "/etcd": what a reverse proxy needs before every path.
    pub prefix: String,
}

impl EndpointUrl {
    /// `http://host:port/prefix`; the port may be left out for HTTP's own, 80 and 443.
    pub fn parse(url: &str) -> Result<EndpointUrl> {
        let shown = without_credentials(url);
        let wrong = |why: &str| Error::invalid(format!("endpoints: {shown:?} {why}"));
        // The parser drops it silently.
        if url.contains('#') {
            return Err(wrong("must not have a fragment"));
        }
        let (url, zone) = host::without_zone(url).map_err(|why| wrong(&why))?;
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
        // There are no credentials before the host.
        let port = match &authority.as_str()[authority.host().len()..] {
            "" if secure => Some(443),
            "" => Some(80),
            rest => rest.strip_prefix(':').and_then(host::port),
        };
        let port = port.ok_or_else(|| wrong("has a port that is not a number from 1 to 65535"))?;
        let host = host::canonical(authority.host(), zone).ok_or_else(|| wrong("has a host that cannot be"))?;
        Ok(EndpointUrl { secure, host, port, prefix: uri.path().trim_end_matches('/').to_owned() })
    }

    /// etcd's port on this machine.
    pub fn local() -> EndpointUrl {
        EndpointUrl { secure: false, host: "127.0.0.1".to_owned(), port: ETCD_PORT, prefix: String::new() }
    }

    /// As `etcd_connect` takes it: "" is this machine, port 0 is etcd's.
    pub fn from_host(host: &str, port: u16) -> Result<EndpointUrl> {
        let host = if host.is_empty() { "127.0.0.1" } else { host };
        let port = if port == 0 { ETCD_PORT } else { port };
        let shown = without_credentials(host);
        let host = host::given_alone(host).ok_or_else(|| {
            Error::invalid(format!("host: {shown:?} must be a name or an address, without scheme or port"))
        })?;
        Ok(EndpointUrl { secure: false, host, port, prefix: String::new() })
    }

    /// The `Host` line's content. Without the zone, which means something to this machine only (RFC 6874, section 4), as
    /// curl and Go send it.
    pub fn authority(&self) -> String {
        self.authority_of(host::zoneless(&self.host))
    }

    fn authority_of(&self, host: &str) -> String {
        if host.contains(':') { format!("[{host}]:{}", self.port) } else { format!("{host}:{}", self.port) }
    }
}

/// What of a URL may be shown: a password in it, which is refused, must not be.
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

impl std::fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority_of(&host::in_url(&self.host)), self.prefix)
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
            ("http://[fe80::1%25eth0]:2379", (false, "fe80::1%eth0", 2379, "")),
            ("https://[FE80:0::1%eth0.100]/p", (true, "fe80::1%eth0.100", 443, "/p")),
            ("http://[fe80::1%252]", (false, "fe80::1%2", 80, "")),
            ("http://[fe80::1%25a%2Db%25]", (false, "fe80::1%a-b%", 80, "")),
        ] {
            let got = EndpointUrl::parse(url).unwrap();
            assert_eq!((got.secure, &*got.host, got.port, &*got.prefix), expected, "{url}");
        }
        assert_eq!(EndpointUrl::parse("http://[::1]:1/p").unwrap().to_string(), "http://[::1]:1/p");
    }

    #[test]
    fn a_zone_is_shown_and_not_sent() {
        for zone in ["eth0", "2", "br-lan.7", "a b%"] {
            let url = EndpointUrl { secure: false, host: format!("fe80::1%{zone}"), port: 1, prefix: String::new() };
            assert_eq!(EndpointUrl::parse(&url.to_string()).unwrap(), url, "{url}");
            assert_eq!(url.authority(), "[fe80::1]:1");
        }
        let url = EndpointUrl::parse("http://[fe80::1%25eth0]:2379/p").unwrap();
        assert_eq!(url.to_string(), "http://[fe80::1%25eth0]:2379/p");
    }

    #[test]
    fn one_host_has_one_spelling() {
        for (url, shown) in [
            ("http://Etcd1.Example:1/Path", "http://etcd1.example:1/Path"),
            ("HTTP://h:1", "http://h:1"),
            ("http://[0:0:0:0:0:0:0:1]:1", "http://[::1]:1"),
            ("http://[2001:DB8::0:1]:1", "http://[2001:db8::1]:1"),
        ] {
            assert_eq!(EndpointUrl::parse(url).unwrap().to_string(), shown);
        }
        assert_eq!(EndpointUrl::from_host("0:0::1", 1).unwrap(), EndpointUrl::parse("http://[::1]:1").unwrap());
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
            "http://h:+2379",
            "http://h:-1",
            "http://h: 1",
            "http://h:1a",
            "http://[::1]x",
            "http://[::1]1",
            "http://h#f",
            "http://h:1/p#f",
            "http://[fe80::1%25]",
            "http://[fe80::1%]",
            "http://[fe80::1%25a/b]",
            "http://[fe80::1%25a%2Fb]",
            "http://[fe80::1%25a%00b]",
            "http://[h%25eth0]",
            "http://[127.0.0.1%25eth0]",
            "http://h%25eth0",
            "http://h/?q",
            &format!("http://{}", "h".repeat(255)),
            "http://a,b",
            "http://[h]",
            "http://h h",
        ] {
            assert_eq!(EndpointUrl::parse(bad).unwrap_err().code, 1001, "{bad}");
        }
    }

    #[test]
    fn a_host_may_be_a_name_or_an_address_or_nothing() {
        for (host, port, shown) in [
            ("", 0, "http://127.0.0.1:2379"),
            ("etcd.example", 4001, "http://etcd.example:4001"),
            ("::1", 0, "http://[::1]:2379"),
            ("[::1]", 0, "http://[::1]:2379"),
            ("fe80::1%eth0", 0, "http://[fe80::1%25eth0]:2379"),
            ("[fe80::1%eth0]", 1, "http://[fe80::1%25eth0]:1"),
            ("fe80::1%25", 1, "http://[fe80::1%2525]:1"),
        ] {
            assert_eq!(EndpointUrl::from_host(host, port).unwrap().to_string(), shown);
        }
        for bad in ["http://h", "a,b", "h:1", "h/p", "u@h", "h h", "h?", "%41", "h%eth0", "::1%", "[::1", "[h]", "h#f"]
        {
            assert_eq!(EndpointUrl::from_host(bad, 0).unwrap_err().code, 1001, "{bad}");
        }
    }
}
