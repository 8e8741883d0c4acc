//! TLS by rustls: whom to trust, who we are, and what went wrong, in words that tell what to do.

mod material;
mod verifier;

pub use material::TlsMaterial;

use std::cell::Cell;
use std::io;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, CertificateError, ClientConfig, ClientConnection, StreamOwned};

use super::{Stream, Tcp};
use crate::failure::Failure;

/// One process's TLS. (Its cache of sessions has a lock, which a forked child must not share.)
pub struct TlsClient {
    known: Arc<ClientConfig>,
    /// For servers that are not to learn who we are. Its sessions are its own, too.
    anonymous: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

/// Answers the server that asks who we are.
#[derive(Debug)]
enum Identity {
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
    /// Of the handshake that this thread is at. rustls does not tell the resolver which connection it is for.
    static MISSED: Cell<Missed> = const { Cell::new(Missed::Nothing) };
}

impl TlsClient {
    pub fn new(material: &TlsMaterial) -> Arc<TlsClient> {
        let provider = Arc::new(ring::default_provider());
        let config = |identity: Identity| {
            let builder = ClientConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()
                .expect("ring has what TLS 1.2 and 1.3 need");
            let builder = if material.skip_verify {
                builder.dangerous().with_custom_certificate_verifier(verifier::TrustAnyone::new(provider.clone()))
            } else {
                builder.with_root_certificates(material.roots.clone())
            };
            Arc::new(builder.with_client_cert_resolver(Arc::new(identity)))
        };
        let server_name = material.server_name.clone();
        Arc::new(match &material.identity {
            Some(key) => {
                let (known, anonymous) = (config(Identity::Known(key.clone())), config(Identity::Withheld));
                TlsClient { known, anonymous, server_name }
            }
            None => {
                let known = config(Identity::None);
                TlsClient { anonymous: known.clone(), known, server_name }
            }
        })
    }

    /// Shakes hands over a new connection to `host`, by the connection's deadline. Only one that `may_know_us` is shown
    /// our certificate.
    pub fn connect(&self, mut tcp: Tcp, host: &str, may_know_us: bool) -> Result<Stream, Failure> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned())
                .map_err(|_| Failure::Tls(format!("{host:?} cannot stand in a certificate; set tls.server_name")))?,
        };
        MISSED.set(Missed::Nothing);
        let config = if may_know_us { &self.known } else { &self.anonymous };
        let mut connection = ClientConnection::new(config.clone(), name)
            .map_err(|error| Failure::Tls(words(&error, Missed::Nothing)))?;
        while connection.is_handshaking() {
            match connection.complete_io(&mut tcp) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(Failure::Unreachable("no answer in time during the TLS handshake".to_owned()));
                }
                Err(error) => {
                    let error = last_words(&mut connection, &mut tcp, error);
                    return Err(broken_handshake(&error, MISSED.get()));
                }
            }
        }
        Ok(Stream::Tls(Box::new(StreamOwned::new(connection, tcp)), MISSED.get()))
    }
}

/// Why the server refused the connection, if an error on it says that it did. It says so before it has read a
/// request; any other failure of TLS leaves open what became of the one sent.
pub fn cause(error: &io::Error, missed: Missed) -> Option<String> {
    of_tls(error).filter(|error| is_refusal(error)).map(|error| words(error, missed))
}

fn broken_handshake(error: &io::Error, missed: Missed) -> Failure {
    match of_tls(error) {
        Some(error) => Failure::Tls(words(error, missed)),
        // A server that is being restarted, perhaps, or one that is none.
        None => Failure::Handshake(match missed.advice() {
            Some(advice) => advice.to_owned(),
            None => format!("the TLS handshake broke off ({error}); is this a TLS port?"),
        }),
    }
}

fn words(error: &rustls::Error, missed: Missed) -> String {
    use CertificateError as Wrong;
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage};
    let advice = match error {
        InvalidCertificate(Wrong::UnknownIssuer) => "set tls.ca_file to the authority that signed it",
        // The name is known, and so is a key: what an authority that was made anew leaves behind.
        InvalidCertificate(Wrong::BadSignature) => {
            "the trusted authority of that name has another key; set tls.ca_file to the one that signed it"
        }
        InvalidCertificate(Wrong::Expired | Wrong::ExpiredContext { .. }) => {
            "renew the server's certificate, or set this machine's clock"
        }
        InvalidCertificate(Wrong::NotValidYet | Wrong::NotValidYetContext { .. }) => "set this machine's clock",
        InvalidCertificate(Wrong::NotValidForName | Wrong::NotValidForNameContext { .. }) => {
            "connect by a name it bears, or set tls.server_name"
        }
        // What `openssl req -x509` makes if it is not told otherwise.
        InvalidCertificate(Wrong::Other(other)) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "it is an authority's; make the server's with basicConstraints CA:FALSE"
        }
        InvalidMessage(_) => "is this a TLS port?",
        InvalidCertificate(
            Wrong::UnsupportedSignatureAlgorithmContext { .. }
            | Wrong::UnsupportedSignatureAlgorithmForPublicKeyContext { .. },
        ) => return UNKNOWN_KEY.to_owned(),
        AlertReceived(alert) => match missed.advice() {
            Some(advice) => advice,
            None if *alert == AlertDescription::HandshakeFailure => UNKNOWN_KEY,
            None if is_refusal(error) => "the server does not accept the certificate of tls.cert_file",
            None => return error.to_string(),
        },
        _ => return error.to_string(),
    };
    format!("{error}; {advice}")
}

/// A server that refuses our certificate says so and hangs up, while we may still be sending, a request even: with
/// TLS 1.3 the handshake is over for us before the server has seen what we have. Sending fails first then, and what the
/// server said lies there to be read.
pub fn last_words(connection: &mut ClientConnection, tcp: &mut Tcp, error: io::Error) -> io::Error {
    let is_lost = matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset);
    if !is_lost {
        return error;
    }
    loop {
        match connection.process_new_packets() {
            Err(said) => return io::Error::new(io::ErrorKind::InvalidData, said),
            Ok(_) if matches!(connection.read_tls(tcp), Ok(1..)) => {}
            Ok(_) => return error,
        }
    }
}

fn of_tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// Whether the server says that it does not like our certificate, or misses it.
fn is_refusal(error: &rustls::Error) -> bool {
    use AlertDescription as Alert;
    matches!(
        error,
        rustls::Error::AlertReceived(
            Alert::NoCertificate
                | Alert::BadCertificate
                | Alert::UnsupportedCertificate
                | Alert::CertificateRevoked
                | Alert::CertificateExpired
                | Alert::CertificateUnknown
                | Alert::UnknownCA
                | Alert::AccessDenied
                | Alert::DecryptError
                | Alert::CertificateRequired
        )
    )
}

/// What ring can do. Certificates by `etcd --auto-tls` are the likeliest ones that it cannot.
const UNKNOWN_KEY: &str = "the server's certificate must have and be signed by a key that libetcd knows: RSA, P-256, \
                           P-384 or Ed25519, not P-521 as by etcd --auto-tls";

impl Missed {
    fn advice(self) -> Option<&'static str> {
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
    fn resolve(&self, _: &[&[u8]], schemes: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let (key, missed) = match self {
            Identity::Known(key) if key.key.choose_scheme(schemes).is_some() => (Some(key.clone()), Missed::Nothing),
            Identity::Known(_) | Identity::None => (None, Missed::Certificate),
            Identity::Withheld => (None, Missed::Withheld),
        };
        MISSED.set(missed);
        key
    }

    fn has_certs(&self) -> bool {
        // Also without one: else rustls does not tell that the server asked.
        true
    }
}

/// The provider is the same wherever one is needed.
pub(super) type Provider = Arc<CryptoProvider>;
