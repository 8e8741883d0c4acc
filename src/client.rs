//! A client: an API version and the way to the servers.

use crate::api::{Api, Server};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::operation::Operation;
use crate::request::Request;
use crate::response::Response;
use crate::transport::Transport;
use crate::v2::V2;

pub struct Client {
    api: Box<dyn Api>,
    transport: Transport,
}

impl Client {
    pub fn new(version: &str, config: Config) -> Result<Client> {
        Ok(Client { api: api(version)?, transport: Transport::new(config) })
    }

    /// Carries out one operation; the text is what the caller gets.
    pub fn run(&self, operation: &Operation) -> Result<String> {
        self.api.run(operation, self)
    }

    /// Ends all that is under way; whatever comes later fails at once.
    pub fn disconnect(&self) {
        self.transport.cancel();
    }
}

impl Server for Client {
    fn send(&self, request: &Request) -> Result<Response> {
        self.transport.run(request)
    }
}

fn api(version: &str) -> Result<Box<dyn Api>> {
    match version {
        "" | "v2" => Ok(Box::new(V2::default())),
        "v3" => Err(Error::unsupported("version: \"v3\" is not built yet; use \"v2\"")),
        _ => Err(Error::invalid(format!("version: must be \"v2\", not {version:?}"))),
    }
}
