//! A client: an API version, the way to the servers, and the watches that go that way.

mod sync;

use crate::admin::Admin;
use crate::api::Api;
use crate::config::{ApiVersion, Config};
use crate::error::{Error, Result};
use crate::locks::{Arc, Mutex, PoisonError, Weak};
use crate::net;
use crate::operation::{Operation, Target};
use crate::process::PerProcess;
use crate::transport::Transport;
use crate::v2::V2;
use crate::watch::{self, Receiver, Watcher};

pub struct Client {
    api: Box<dyn Api>,
    transport: Arc<Transport>,
    watchers: PerProcess<Mutex<Vec<Weak<Watcher>>>>,
}

impl Client {
    pub fn new(mut config: Config) -> Result<Arc<Client>> {
        config.check()?;
        let api = api(config.api);
        if let Some(domain) = &config.srv_domain {
            config.discovered = net::discover(domain, config.nameserver, config.wants_tls(), config.request_timeout)?;
        }
        let interval = config.sync_interval;
        let transport = Arc::new(Transport::new(config)?);
        let client = Arc::new(Client { api, transport, watchers: PerProcess::new(Mutex::default()) });
        if !interval.is_zero() {
            client.sync_every(interval)?;
        }
        Ok(client)
    }

    /// Carries out one operation; the text is what the caller gets.
    pub fn run(&self, operation: &Operation) -> Result<String> {
        self.api.run(operation, &self.transport.call())
    }

    /// Carries out what an administrator wants, likewise.
    pub fn administer(&self, change: &Admin) -> Result<String> {
        self.api.administer(change, &self.transport.call())
    }

    /// Starts a watch: from the change numbered `from` on, or from now on if that is 0; of one change if
    /// `once`.
    pub fn watch(&self, target: Target, from: u64, once: bool, receiver: Box<dyn Receiver>) -> Result<Arc<Watcher>> {
        let name = target.key.as_str().to_owned();
        let feed = self.api.feed(target, from, &self.transport.call());
        let watcher = Watcher::new(self.transport.config(), receiver.is_pushed());
        self.keep(&watcher)?;
        watcher.start(self.transport.clone(), feed, receiver, once, &name)?;
        Ok(watcher)
    }

    /// Has `disconnect` stop it, too. Before it is started: or it might deliver after a disconnect that overlooked it.
    fn keep(&self, watcher: &Arc<Watcher>) -> Result<()> {
        let mut watchers = self.watchers.get_or_make(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        if self.transport.is_cancelled() {
            return Err(Error::cancelled("the client was disconnected"));
        }
        watchers.retain(|watcher| watcher.strong_count() > 0);
        watchers.push(Arc::downgrade(watcher));
        Ok(())
    }

    /// Ends all that is under way; whatever comes later fails at once. No callback begins after this has returned,
    /// and none is running, unless this is one.
    pub fn disconnect(&self) {
        self.transport.cancel();
        let Some(watchers) = self.watchers.get() else { return };
        let watchers = std::mem::take(&mut *watchers.lock().unwrap_or_else(PoisonError::into_inner));
        let living: Vec<_> = watchers.iter().filter_map(Weak::upgrade).collect();
        living.iter().for_each(|watcher| watcher.stop());
        if !watch::inside_a_callback() {
            for watcher in living {
                watcher.wait(None);
            }
        }
    }
}

fn api(version: ApiVersion) -> Box<dyn Api> {
    match version {
        ApiVersion::V2 => Box::new(V2::default()),
    }
}
