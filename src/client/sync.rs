//! Learning the endpoints from the cluster itself.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::Client;
use crate::base::error::{Error, Result};
use crate::base::json;
use crate::base::log::{self, Level};
use crate::config::EndpointUrl;
use crate::net::{self, Deadline};
use crate::operation::Member;

/// More URLs than the members of a cluster have: etcd advises seven members, and a list that is longer than this is no
/// cluster's.
const MAX_URLS: usize = 64;

impl Client {
    /// Takes the members' client URLs for endpoints, too, each once it has answered and is of the same cluster; plain
    /// ones only where nothing asks for TLS. The configured ones stay. The text is a JSON array of all.
    pub fn sync(&self) -> Result<String> {
        let call = self.transport.call();
        let members = self.api.members(&call)?;
        let cluster = self.api.cluster_id(&call)?;
        let urls = urls(&members);
        let mut verified = Vec::new();
        // Each leaves the others their share of what is left.
        for (i, url) in urls.iter().enumerate() {
            let by = call.deadline.left().map(|left| Deadline::after(left / (urls.len() - i) as u32));
            match self.why_not(url, &cluster, by) {
                None => verified.push(url.clone()),
                Some(why) => log::log(Level::Warn, || format!("{url} is left out: {why}")),
            }
        }
        self.transport.set_members(&verified);
        let all: Vec<_> = self.transport.urls().iter().map(|url| json::quote(&url.to_string())).collect();
        Ok(format!("[{}]", all.join(",")))
    }

    /// Why a member's URL is no endpoint, if it is none. `by`: when that must be known; `None`: no time is left.
    fn why_not(&self, url: &EndpointUrl, cluster: &str, by: Option<Deadline>) -> Option<&'static str> {
        if self.transport.knows(url) {
            return None;
        }
        if !url.secure && self.transport.config().wants_tls() {
            return Some("it is not https, and TLS is asked for");
        }
        let Some(by) = by else { return Some("there was no time to ask it") };
        match self.api.cluster_id(&self.transport.at(url, by)) {
            Ok(id) if id == cluster => None,
            Ok(_) => Some("it is of another cluster"),
            Err(_) => Some("it does not answer"),
        }
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
        started.map(drop).map_err(|error| Error::system_limit(format!("no thread for sync_interval_ms: {error}")))
    }
}

/// The URLs that can be endpoints, each once, and no more than a cluster can have.
fn urls(members: &[Member]) -> Vec<EndpointUrl> {
    let mut urls: Vec<EndpointUrl> = Vec::new();
    for text in members.iter().flat_map(|member| &member.client_urls) {
        let Ok(url) = EndpointUrl::parse(text) else {
            log::log(Level::Warn, || format!("{text:?} is left out: it is no URL of an endpoint"));
            continue;
        };
        if urls.contains(&url) {
            continue;
        }
        if urls.len() == MAX_URLS {
            log::log(Level::Warn, || format!("the cluster names more than {MAX_URLS} URLs; the others are left out"));
            break;
        }
        urls.push(url);
    }
    urls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_url_counts_once_and_only_as_many_as_a_cluster_can_have() {
        let member = |client_urls| Member { id: "1".into(), client_urls };
        let some = [
            member(vec!["http://a:1".into(), "nonsense".into()]),
            member(vec!["http://A:1".into(), "http://b:1".into()]),
        ];
        assert_eq!(urls(&some).iter().map(ToString::to_string).collect::<Vec<_>>(), ["http://a:1", "http://b:1"]);
        let many = [member((0..10_000).map(|i| format!("http://h{i}:1")).collect())];
        assert_eq!(urls(&many).len(), MAX_URLS);
    }
}
