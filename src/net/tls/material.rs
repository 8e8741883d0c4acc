//! The files that a configuration names: whom to trust, and who we are.

use std::sync::Arc;

use rustls::InconsistentKeys;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;

use super::advice::OF_VERSION_1;
use super::authorities::Authorities;
use super::file::{certificates, unread};
use super::verifier::is_webpki;
use crate::base::error::{Error, Result};
use crate::base::log::{self, Level};
use crate::config::TlsConfig;

/// What the files held.
#[derive(Clone)]
pub struct TlsMaterial {
    pub(super) authorities: Authorities,
    /// The client's certificate chain and its key.
    pub(super) identity: Option<Arc<CertifiedKey>>,
    pub(super) server_name: Option<ServerName<'static>>,
    pub(super) skip_verify: bool,
}

impl TlsMaterial {
    pub fn load(config: &TlsConfig) -> Result<TlsMaterial> {
        if config.insecure_skip_verify {
            log::log(Level::Warn, || "tls.insecure_skip_verify: any server is trusted, an attacker's too".to_owned());
        }
        let server_name = config.server_name.as_ref().map(|name| {
            ServerName::try_from(name.clone())
                .map_err(|_| Error::invalid(format!("tls.server_name: {name:?} is neither a host name nor an address")))
        });
        let identity = match (&config.cert_file, &config.key_file) {
            (Some(cert_file), Some(key_file)) => Some(Arc::new(identity(cert_file, key_file)?)),
            _ => None,
        };
        Ok(TlsMaterial {
            authorities: Authorities::load(config)?,
            identity,
            server_name: server_name.transpose()?,
            skip_verify: config.insecure_skip_verify,
        })
    }
}

fn identity(cert_file: &str, key_file: &str) -> Result<CertifiedKey> {
    let chain = certificates("tls.cert_file", cert_file)?;
    if chain.is_empty() {
        return Err(Error::invalid(format!("tls.cert_file: no certificate in {cert_file:?}")));
    }
    let wrong = |why: String| Error::invalid(format!("tls.key_file: {key_file:?}: {why}"));
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| match error {
        pem::Error::Io(_) => unread("tls.key_file", key_file, &error),
        error => wrong(no_key(key_file, &error)),
    })?;
    let key =
        ring::default_provider().key_provider.load_private_key(key).map_err(|error| wrong(unknown_key(&error)))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        // The key does not say which its public half is.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(wrong("is not the key of the certificate in tls.cert_file".to_owned()))
        }
        Err(error) => Err(Error::invalid(format!("tls.cert_file: {cert_file:?}: {}", unread_certificate(&error)))),
    }
}

fn unknown_key(error: &rustls::Error) -> String {
    format!("{error}; it must be RSA of 2048 bits or more, P-256, P-384 or Ed25519")
}

fn unread_certificate(error: &rustls::Error) -> String {
    if is_webpki(error, "UnsupportedCertVersion") { OF_VERSION_1.to_owned() } else { error.to_string() }
}

fn no_key(file: &str, error: &pem::Error) -> String {
    // PKCS#8 has it in the section's name, the older formats in a line of their own. Where the file can no longer be
    // read, what was wrong with it before is told.
    if std::fs::read(file).is_ok_and(|text| text.windows(9).any(|word| word == b"ENCRYPTED")) {
        return "is encrypted, which libetcd cannot read; decrypt it: openssl pkey -in FILE -out NEW".to_owned();
    }
    match error {
        pem::Error::NoItemsFound => "no private key in it".to_owned(),
        error => error.to_string(),
    }
}
