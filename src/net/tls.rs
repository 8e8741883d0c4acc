//! TLS by rustls: whom to trust, who we are, and what went wrong, with advice.

mod advice;
mod authorities;
mod file;
mod identity;
mod material;
mod verifier;

pub use advice::cause;
pub use identity::Missed;
pub use material::TlsMaterial;

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::{Stream, Tcp};
use crate::base::failure::Failure;
use identity::{Identity, MISSED};
use verifier::{TrustAnyone, Verifier};

/// One process's TLS. (Its cache of sessions has a lock, which a forked child must not share.)
pub struct TlsClient {
    known: Arc<ClientConfig>,
    /// For servers that must not learn who we are. Its sessions are its own, too.
    anonymous: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
    skip_verify: bool,
}

/// The protocol that is asked for in the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// None: the server takes HTTP/1.1.
    None,
    H2,
}

impl Alpn {
    fn protocols(self) -> Vec<Vec<u8>> {
        match self {
            Alpn::None => vec![],
            Alpn::H2 => vec![b"h2".to_vec()],
        }
    }
}

impl TlsClient {
    pub fn new(material: &TlsMaterial) -> Arc<TlsClient> {
        let provider = Arc::new(ring::default_provider());
        let verifier: Arc<dyn ServerCertVerifier> = if material.skip_verify {
            Arc::new(TrustAnyone)
        } else {
            Arc::new(Verifier::new(&material.authorities, provider.clone()))
        };
        let config = |identity: Identity| {
            let builder = ClientConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()
                .expect("ring has what TLS 1.2 and 1.3 need");
            let builder = builder.dangerous().with_custom_certificate_verifier(verifier.clone());
            Arc::new(builder.with_client_cert_resolver(Arc::new(identity)))
        };
        let (known, anonymous) = match &material.identity {
            Some(key) => (config(Identity::Known(key.clone())), config(Identity::Withheld)),
            None => {
                let config = config(Identity::None);
                (config.clone(), config)
            }
        };
        let (server_name, skip_verify) = (material.server_name.clone(), material.skip_verify);
        Arc::new(TlsClient { known, anonymous, server_name, skip_verify })
    }

    /// Does the handshake with `host` over a new connection, by the connection's deadline. Only a server that
    /// `may_know_us` is shown our certificate.
    ///
    /// Not inlined: it takes 6 KB of the stack, which a thread with a plain connection never touches so.
    #[inline(never)]
    pub fn connect(&self, mut tcp: Tcp, host: &str, may_know_us: bool, alpn: Alpn) -> Result<Stream, Failure> {
        let name = self.name_of(host)?;
        MISSED.set(Missed::Nothing);
        let config = if may_know_us { &self.known } else { &self.anonymous };
        let mut connection = ClientConnection::new_with_alpn(config.clone(), name, alpn.protocols())
            .map_err(|error| Failure::Tls(advice::describe(&error, Missed::Nothing)))?;
        while connection.is_handshaking() {
            match connection.complete_io(&mut tcp) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(Failure::Unreachable("no answer in time during the TLS handshake".to_owned()));
                }
                Err(error) => {
                    let error = last_words(&mut connection, &mut tcp, error);
                    return Err(advice::broken_handshake(&error, MISSED.get()));
                }
            }
        }
        Ok(Stream::Tls(Box::new(StreamOwned::new(connection, tcp)), MISSED.get()))
    }

    /// What the server's certificate must bear.
    fn name_of(&self, host: &str) -> Result<ServerName<'static>, Failure> {
        if let Some(name) = &self.server_name {
            return Ok(name.clone());
        }
        // A zone means something to this machine only.
        let host = host.split_once('%').map_or(host, |(address, _)| address);
        match ServerName::try_from(host) {
            Ok(name) => Ok(name.to_owned()),
            // An address is not sent, and nobody looks at it.
            Err(_) if self.skip_verify => Ok(ServerName::from(IpAddr::from(Ipv4Addr::UNSPECIFIED))),
            Err(_) => Err(Failure::Tls(format!("{host:?} cannot stand in a certificate; set tls.server_name"))),
        }
    }
}

/// The error that the server sent before it closed the connection, if there is one, else `error`. A server that refuses
/// our certificate says so and closes while we may still be sending, even a request: with TLS 1.3 the handshake is over
/// for us before the server has seen our certificate. Sending fails first then, and the server's alert waits to be read.
pub fn last_words(connection: &mut ClientConnection, tcp: &mut dyn Read, error: io::Error) -> io::Error {
    let is_lost = matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset);
    if !is_lost {
        return error;
    }
    loop {
        match connection.process_new_packets() {
            Err(said) => return io::Error::new(io::ErrorKind::InvalidData, said),
            // An end, or an error: the server has said no more, and the first error stands.
            Ok(_) if matches!(connection.read_tls(tcp), Ok(1..)) => {}
            Ok(_) => return error,
        }
    }
}
