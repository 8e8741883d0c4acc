//! The configuration of a derived client: that of the client whose connections it shares, with changes.

use super::Config;
use crate::base::error::{Error, Result};

/// What may be another for each client on the same connections.
const CHANGEABLE: &[&str] = &[
    "timeout.request_ms",
    "retry.attempts",
    "retry.max_delay_ms",
    "root",
    "watch.queue",
    "watch.poll_ms",
    "username",
    "password",
    "user_agent",
];

impl Config {
    /// This configuration with changes, each a name and a value. A root is below this one's; another user has no password
    /// but the one that comes with it.
    pub fn with(&self, changes: &[(String, String)]) -> Result<Config> {
        let mut config = self.clone();
        if changes.iter().any(|(name, _)| name == "username") {
            config.password = None;
        }
        for (name, value) in changes {
            if !CHANGEABLE.contains(&name.as_str()) {
                let message = "cannot be another's than the client's that it is derived from; connect anew for that";
                return Err(Error::invalid(format!("{name}: {message}")));
            }
            config.set(name, value)?;
            if name == "root" {
                config.root = below(&self.root, &config.root).into();
            }
        }
        config.check()?;
        Ok(config)
    }
}

/// "/app/" below "/a/" is "/a/app/". "" and "/" are the upper one itself.
fn below(upper: &str, root: &str) -> String {
    match root {
        "" | "/" => upper.to_owned(),
        _ if upper.ends_with('/') => format!("{upper}{}", root.trim_start_matches('/')),
        _ => root.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(parent: &Config, changes: &[(&str, &str)]) -> Result<Config> {
        let changes = changes.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        parent.with(&Vec::from_iter(changes))
    }

    #[test]
    fn what_the_connections_depend_on_cannot_change() {
        for (name, value) in [
            ("endpoints", "http://a:1"),
            ("api", "v3"),
            ("tls.ca_file", "ca.pem"),
            ("timeout.connect_ms", "1"),
            ("sync_interval_ms", "1"),
            ("discovery.srv_domain", "example.com"),
            ("max_response_bytes", "1024"),
            ("v3.strict_tree", "false"),
        ] {
            let error = with(&Config::default(), &[(name, value)]).unwrap_err();
            assert!(error.code == 1001 && error.cause.starts_with(name), "{error}");
        }
        let error = with(&Config::default(), &[("retry.attempts", "0")]).unwrap_err();
        assert!(error.cause.starts_with("retry.attempts: must be"), "{error}");
        let changed = with(&Config::default(), &[("retry.attempts", "7"), ("watch.queue", "3")]).unwrap();
        assert_eq!((changed.attempts, changed.watch_queue), (7, 3));
    }

    #[test]
    fn a_root_is_below_the_parents() {
        for (upper, root, both) in [
            ("/", "/app/", "/app/"),
            ("/a/", "/b/", "/a/b/"),
            ("/a/", "b/", "/a/b/"),
            ("", "app/", "app/"),
            ("", "/app/", "/app/"),
            ("/a/", "/", "/a/"),
            ("/a/", "", "/a/"),
        ] {
            let parent = Config { root: upper.into(), ..Config::default() };
            assert_eq!(with(&parent, &[("root", root)]).unwrap().root.as_ref(), both);
        }
    }

    #[test]
    fn another_user_does_not_get_the_parents_password() {
        let parent = with(&Config::default(), &[("username", "a"), ("password", "secret")]).unwrap();
        let credentials =
            |config: Config| (config.username.unwrap().to_string(), config.password.map(|own| own.to_string()));
        assert_eq!(credentials(with(&parent, &[("username", "b")]).unwrap()), ("b".to_owned(), None));
        let both = with(&parent, &[("password", "other"), ("username", "b")]).unwrap();
        assert_eq!(credentials(both), ("b".to_owned(), Some("other".to_owned())));
        let renewed = with(&parent, &[("password", "new")]).unwrap();
        assert_eq!(credentials(renewed), ("a".to_owned(), Some("new".to_owned())));
        assert_eq!(with(&Config::default(), &[("password", "x")]).unwrap_err().code, 1001);
    }
}
