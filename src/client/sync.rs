//! Learning the endpoints from the cluster itself.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Client;
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::json;
use crate::log::{self, Level};
use crate::net::{self, Deadline};
use crate::operation::Operation;

impl Client {
    /// Takes the members' client URLs for endpoints, too, each once it has answered and is of the same cluster; plain
    /// ones only where nothing asks for TLS. The configured ones stay. The text is a JSON array of all.
    pub fn sync(&self) -> Result<String> {
        let call = self.transport.call();
        let members = self.api.run(&Operation::Members, &call)?;
        let cluster = self.api.cluster_id(&call)?;
        let mut verified = Vec::new();
        let urls = client_urls(&members);
        // Each leaves the others their share of what is left.
        for (i, url) in urls.iter().enumerate() {
            let Ok(endpoint) = Endpoint::parse(url) else { continue };
            let by = Deadline::after(call.deadline.left().unwrap_or_default() / (urls.len() - i) as u32);
            let is_in_the_clear = !endpoint.secure && self.transport.config().wants_tls();
            let why_not = if self.transport.knows(&endpoint) {
                None
            } else if is_in_the_clear {
                Some("it is not https, and TLS is asked for")
            } else {
                let id = self.api.cluster_id(&self.transport.at(&endpoint, by));
                let is_same = id.is_ok_and(|id| id == cluster);
                (!is_same).then_some("it does not answer, or is of another cluster")
            };
            match why_not {
                None => verified.push(endpoint),
                Some(why) => log::log(Level::Warn, || format!("{endpoint} is left out: {why}")),
            }
        }
        self.transport.set_members(&verified);
        let all: Vec<_> = self.transport.endpoints().iter().map(|e| json::quote(&e.to_string())).collect();
        Ok(format!("[{}]", all.join(",")))
    }

    /// Syncs now and then, until the client is disconnected. (Not in a forked child, which has no such thread.)
    pub(super) fn sync_every(self: &Arc<Self>, interval: Duration) -> Result<()> {
        let (client, cancel): (Weak<Client>, _) = (Arc::downgrade(self), self.transport.cancellation());
        let started = net::spawn("etcd-sync", move || {
            while cancel.wait(Deadline::after(interval)).is_ok() {
                let Some(client) = client.upgrade() else { break };
                if let Err(error) = client.sync() {
                    log::log(Level::Warn, || format!("the endpoints stay as they are: {error}"));
                }
            }
        });
        started.map(drop).map_err(|error| crate::error::Error::internal(format!("no thread to sync: {error}")))
    }
}

/// Out of `{"id":{"clientURLs":["http://a:1"],…},…}`.
fn client_urls(members: &str) -> Vec<String> {
    let each = json::members(members).into_iter().flatten();
    let urls = each.filter_map(|(_, member)| json::elements(json::find(member, "/clientURLs")?)).flatten();
    urls.filter_map(json::unquote).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_client_urls_of_all_members() {
        let members = r#"{"a":{"clientURLs":["http://a:1","http://a:2"]},"b":{"clientURLs":[]},"c":{}}"#;
        assert_eq!(client_urls(members), ["http://a:1", "http://a:2"]);
    }
}
