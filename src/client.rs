//! A client: an API version, the way to the servers, and the watches that go that way.

mod living;
mod sync;

use std::time::Duration;

use crate::api::auto::Auto;
use crate::api::holding::{Answers, Ear, Holding, Keeper};
use crate::api::v2::V2;
use crate::api::v3::V3;
use crate::api::{Api, EventSource, Listener};
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::locks::{Arc, Mutex, OnceLock, Weak};
use crate::base::process::PerProcess;
use crate::config::{ApiVersion, Config, EndpointUrl};
use crate::net::{self, Cancel, Deadline};
use crate::operation::{Content, Key, Operation, Precondition, Put, Ttl, Watch};
use crate::recipes::leader::LeaderSource;
use crate::recipes::{Household, Leasing, Store};
use crate::transport::{Server, Transport};
use crate::watch::{self, Helpers, Receiver, Watcher};
use living::Living;

pub struct Client {
    api: Box<dyn Api>,
    transport: Arc<Transport>,
    watchers: PerProcess<Mutex<Living<Watcher>>>,
    /// The clients that are derived from this one.
    children: PerProcess<Mutex<Living<Client>>>,
    /// For the watches that have no threads of their own; those of derived clients, too.
    helpers: Arc<PerProcess<Arc<Helpers>>>,
    /// What its leases and locks share. Made by the first of them.
    household: PerProcess<OnceLock<Arc<Household>>>,
    /// The one that this is derived from.
    parent: Option<Weak<Client>>,
}

impl Client {
    pub fn new(mut config: Config) -> Result<Arc<Client>> {
        config.check()?;
        let api = api(&config);
        if let Some(domain) = &config.srv_domain {
            let found = net::discover(domain, config.nameserver, config.wants_tls(), config.request_timeout)?;
            config.discovered = found.into();
        }
        let interval = config.sync_interval;
        let transport = Arc::new(Transport::new(config)?);
        let client = Client::of(api, transport, Arc::new(PerProcess::new(Arc::default())), None);
        if !interval.is_zero() {
            client.sync_every(interval)?;
        }
        Ok(client)
    }

    /// A client on the same connections, with another configuration (`Config::with`). It ends with this one at the latest.
    pub fn derive(self: &Arc<Self>, config: Config) -> Result<Arc<Client>> {
        let (api, parent) = (self.api.derive(&config), Some(Arc::downgrade(self)));
        let client = Client::of(api, Arc::new(self.transport.derive(config)?), self.helpers.clone(), parent);
        let mut children = self.children.get_or_make(Mutex::default).lock();
        children.add(&client);
        drop(children);
        // Before or after it was added: one of the two knows.
        if self.transport.is_cancelled() { Err(Error::disconnected()) } else { Ok(client) }
    }

    fn of(
        api: Box<dyn Api>,
        transport: Arc<Transport>,
        helpers: Arc<PerProcess<Arc<Helpers>>>,
        parent: Option<Weak<Client>>,
    ) -> Arc<Client> {
        let (watchers, children) = (PerProcess::new(Mutex::default()), PerProcess::new(Mutex::default()));
        let household = PerProcess::new(OnceLock::new());
        Arc::new(Client { api, transport, watchers, children, helpers, household, parent })
    }

    pub fn config(&self) -> &Config {
        self.transport.config()
    }

    /// Its endpoints, those learnt from the cluster, too.
    pub fn urls(&self) -> Vec<EndpointUrl> {
        self.transport.urls()
    }

    pub fn is_disconnected(&self) -> bool {
        self.transport.is_cancelled()
    }

    /// Carries out one operation; the text is what the caller gets.
    pub fn run(&self, operation: &Operation) -> Result<String> {
        self.api.run(operation, &self.transport.call())
    }

    /// Whether there is such a key or directory.
    pub fn exists(&self, key: Key) -> Result<bool> {
        match self.run(&Operation::Get { key, recursive: false, sorted: false, quorum: false }) {
            Ok(_) => Ok(true),
            // Below a key with a value there is nothing, either.
            Err(error) if matches!(error.code, code::ETCD_ERROR_KEY_NOT_FOUND | code::ETCD_ERROR_NOT_DIRECTORY) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes a key if that may be. The reply has the node, unless the configuration leaves it out.
    pub fn write_if(&self, key: Key, value: String, ttl: Ttl, precondition: Precondition) -> Result<String> {
        let no_value = self.config().no_value_on_success;
        self.run(&Operation::Put(Put { key, content: Content::Value(value), ttl, precondition, no_value }))
    }

    /// The version of etcd's API that is used: "v2" or "v3".
    pub fn api(&self) -> Result<&'static str> {
        self.api.name(&self.transport.call())
    }

    /// Starts a watch.
    pub fn watch(&self, watch: Watch, receiver: Box<dyn Receiver>) -> Result<Arc<Watcher>> {
        let (once, cancel) = (watch.once, Cancel::new());
        let source = self.api.watch(watch, &self.transport, cancel.clone())?;
        self.start(source, cancel, receiver, once)
    }

    /// Starts a watch of who leads an election.
    pub fn watch_leader(self: &Arc<Self>, line: Key, receiver: Box<dyn Receiver>) -> Result<Arc<Watcher>> {
        let cancel = Cancel::new();
        let source = LeaderSource::new(self.household(), line, &cancel);
        self.start(Box::new(source), cancel, receiver, false)
    }

    fn start(
        &self,
        source: Box<dyn EventSource>,
        cancel: Arc<Cancel>,
        receiver: Box<dyn Receiver>,
        once: bool,
    ) -> Result<Arc<Watcher>> {
        let config = self.transport.config();
        let watcher = Watcher::new(config, cancel, receiver.is_pushed(), self.helpers.get_or_make(Arc::default));
        self.keep(&watcher)?;
        watcher.start(config, source, receiver, once)?;
        Ok(watcher)
    }

    /// What its leases and locks share.
    pub fn household(self: &Arc<Self>) -> &Arc<Household> {
        self.household.get_or_make(OnceLock::new).get_or_init(|| {
            let store: Arc<dyn Leasing> = self.clone();
            let (store, cancel) = (Arc::downgrade(&store), self.transport.cancellation());
            let parent = self.parent.as_ref().and_then(Weak::upgrade);
            match parent.filter(|parent| parent.can_keep_leases_of(self)) {
                Some(parent) => parent.household().share(store, cancel),
                None => Household::new(store, cancel),
            }
        })
    }

    /// Whether what keeps its leases alive can keep those of one that is derived from it, too.
    fn can_keep_leases_of(&self, child: &Client) -> bool {
        let (own, childs) = (self.config(), child.config());
        let is_same_user = (&own.username, &own.password) == (&childs.username, &childs.password);
        is_same_user && (own.root == childs.root || self.api.keeps_leases_of_any_root())
    }

    /// Has `disconnect` stop it, too. Before it is started: or it might deliver after a disconnect that overlooked it.
    fn keep(&self, watcher: &Arc<Watcher>) -> Result<()> {
        let mut watchers = self.watchers.get_or_make(Mutex::default).lock();
        if self.transport.is_cancelled() {
            return Err(Error::disconnected());
        }
        watchers.add(watcher);
        Ok(())
    }

    /// Ends all that is under way, that of derived clients, too; whatever comes later fails at once. No callback begins
    /// after this has returned, and none is running, unless this is one.
    pub fn disconnect(&self) {
        self.transport.cancel();
        let watchers = self.all_watchers();
        watchers.iter().for_each(|watcher| watcher.stop());
        if !watch::inside_a_callback() {
            for watcher in watchers {
                watcher.wait(None);
            }
        }
    }

    /// Of derived clients, too. They stay in the lists, for another thread that disconnects at the same time.
    fn all_watchers(&self) -> Vec<Arc<Watcher>> {
        let mut watchers = self.watchers.get().map_or_else(Vec::new, |own| own.lock().all());
        let children = self.children.get().map_or_else(Vec::new, |own| own.lock().all());
        watchers.extend(children.iter().flat_map(|child| child.all_watchers()));
        watchers
    }
}

impl Store for Client {
    fn run(&self, operation: &Operation) -> Result<String> {
        Client::run(self, operation)
    }

    fn watch(&self, watch: Watch, receiver: Box<dyn Receiver>) -> Result<Arc<Watcher>> {
        Client::watch(self, watch, receiver)
    }

    fn start(&self, source: Box<dyn EventSource>, receiver: Box<dyn Receiver>, once: bool) -> Result<Arc<Watcher>> {
        Client::start(self, source, Cancel::new(), receiver, once)
    }

    fn keeps_directories(&self) -> Result<bool> {
        Ok(self.api()? == "v2")
    }

    fn queue_size(&self) -> usize {
        self.transport.config().watch_queue
    }
}

impl Leasing for Client {
    fn call(&self, cancel: &Arc<Cancel>, time: Duration) -> Box<dyn Server + '_> {
        Box::new(self.transport.call_until(cancel.clone()).ending_by(Deadline::after(time)))
    }

    fn holding(&self, server: &dyn Server) -> Result<&dyn Holding> {
        self.api.holding(server)
    }

    fn keeper(&self, cancel: &Arc<Cancel>, answers: Arc<dyn Answers>) -> Result<Box<dyn Keeper>> {
        let call = self.transport.call_until(cancel.clone());
        Ok(self.api.holding(&call)?.keeper(&self.transport, cancel, answers))
    }

    fn listen(
        &self,
        name: &[u8],
        after: u64,
        cancel: &Arc<Cancel>,
        listener: &Weak<dyn Listener>,
    ) -> Result<Option<Box<dyn Ear>>> {
        let call = self.transport.call_until(cancel.clone());
        self.api.holding(&call)?.listen(name, after, &self.transport, cancel, listener)
    }

    fn events(&self, watch: Watch, cancel: &Arc<Cancel>) -> Result<Box<dyn EventSource>> {
        self.api.watch(watch, &self.transport, cancel.clone())
    }
}

fn api(config: &Config) -> Box<dyn Api> {
    match config.api {
        ApiVersion::Auto => Box::new(Auto::new(config)),
        ApiVersion::V2 => Box::new(V2::new(config)),
        ApiVersion::V3 => Box::new(V3::new(config)),
    }
}
