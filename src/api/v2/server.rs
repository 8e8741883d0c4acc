//! The way to a server with the credentials that the v2 API wants on every request.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::base::error::Result;
use crate::config::Config;
use crate::grpc;
use crate::http::{Request, Response};
use crate::transport::Server;

/// The content of the `Authorization` line.
pub type Credentials = Option<Arc<str>>;

/// Basic authentication (RFC 7617).
pub fn credentials(config: &Config) -> Credentials {
    let name = config.username.as_ref()?;
    let password = config.password.as_deref().unwrap_or_default();
    Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{name}:{password}"))).into())
}

pub struct WithCredentials<'a> {
    server: &'a dyn Server,
    credentials: &'a Credentials,
}

impl<'a> WithCredentials<'a> {
    pub fn new(server: &'a dyn Server, credentials: &'a Credentials) -> WithCredentials<'a> {
        WithCredentials { server, credentials }
    }
}

impl Server for WithCredentials<'_> {
    fn send(&self, request: &Request) -> Result<Response> {
        match self.credentials {
            None => self.server.send(request),
            credentials => self.server.send(&Request { credentials: credentials.clone(), ..request.clone() }),
        }
    }

    fn call(&self, call: &grpc::Call) -> Result<grpc::Reply> {
        self.server.call(call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_become_an_authorization() {
        let mut config = Config::default();
        assert_eq!(credentials(&config), None);
        config.set("username", "Aladdin").unwrap();
        config.set("password", "open sesame").unwrap();
        // RFC 7617, section 2.
        assert_eq!(credentials(&config).as_deref(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    }
}
