//! Who we are, and whether a server asked.

use std::cell::Cell;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;

/// Answers the server that asks who we are.
#[derive(Debug)]
pub enum Identity {
    Known(Arc<CertifiedKey>),
    None,
    Withheld,
}

/// Whether a server asked who we are and was not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missed {
    Nothing,
    /// A certificate that we do not have.
    Certificate,
    /// One that is not for strangers.
    Withheld,
}

thread_local! {
    /// Of the handshake that this thread is at. rustls does not say to the resolver which connection it is for, and one
    /// resolver for each would end the resumption of sessions, which asks for the very same (rustls, persist.rs,
    /// compatible_config).
    pub static MISSED: Cell<Missed> = const { Cell::new(Missed::Nothing) };
}

impl Missed {
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Missed::Nothing => None,
            Missed::Certificate => Some("the server wants a client certificate; set tls.cert_file and tls.key_file"),
            Missed::Withheld => Some(
                "the server wants a client certificate, which only configured endpoints and members of the cluster are \
                 shown; add it to endpoints",
            ),
        }
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let (key, missed) = match self {
            Identity::Known(key) if key.key.choose_scheme(schemes).is_some() => (Some(key.clone()), Missed::Nothing),
            Identity::Known(_) | Identity::None => (None, Missed::Certificate),
            Identity::Withheld => (None, Missed::Withheld),
        };
        MISSED.set(missed);
        key
    }

    fn has_certs(&self) -> bool {
        // Also without one: else rustls would not let us know that the server asked.
        true
    }
}
