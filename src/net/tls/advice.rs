//! What went wrong, and what to do about it.

use std::io;

use rustls::{AlertDescription, CertificateError};

use super::identity::Missed;
use super::verifier::{UnverifiedHandshake, is_authority, is_webpki};
use crate::base::failure::Failure;

/// Why the server refused the connection, if the error says that it did. A server refuses before it reads a request; any
/// other failure of TLS leaves open what became of the one sent.
pub fn cause(error: &io::Error, missed: Missed) -> Option<String> {
    of_tls(error).filter(|error| is_refusal(error)).map(|error| describe(error, missed))
}

pub fn broken_handshake(error: &io::Error, missed: Missed) -> Failure {
    match of_tls(error) {
        Some(error) => Failure::Tls(describe(error, missed)),
        // Perhaps a server that is being restarted, or no TLS server at all.
        None => Failure::Handshake(match missed.advice() {
            Some(advice) => advice.to_owned(),
            None => format!("the TLS handshake broke off ({error}); is this a TLS port?"),
        }),
    }
}

pub fn describe(error: &rustls::Error, missed: Missed) -> String {
    use CertificateError as Wrong;
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage};
    let advice = match error {
        InvalidCertificate(Wrong::UnknownIssuer) => "set tls.ca_file to the authority that signed it",
        // The name is known, with another key: as after an authority was made anew.
        InvalidCertificate(Wrong::BadSignature) => {
            "the trusted authority of that name has another key, or one of RSA with fewer than 2048 bits; set tls.ca_file \
             to the one that signed it, or make its key anew"
        }
        InvalidCertificate(Wrong::Expired | Wrong::ExpiredContext { .. }) => {
            "renew the server's certificate, or set this machine's clock"
        }
        InvalidCertificate(Wrong::NotValidYet | Wrong::NotValidYetContext { .. }) => "set this machine's clock",
        InvalidCertificate(Wrong::NotValidForName | Wrong::NotValidForNameContext { .. }) => {
            "connect by a name it bears, or set tls.server_name"
        }
        // What `openssl req -x509` makes if it is not told otherwise.
        error if is_authority(error) => {
            "it is an authority's; name it in tls.ca_file, or make the server's with basicConstraints CA:FALSE"
        }
        // What `openssl x509 -req` makes if it is not told otherwise.
        error if is_webpki(error, "UnsupportedCertVersion") => {
            return format!("the server's certificate {OF_VERSION_1}");
        }
        InvalidCertificate(Wrong::Other(other)) if other.0.is::<UnverifiedHandshake>() => UNKNOWN_KEY,
        InvalidMessage(_) => "is this a TLS port?",
        InvalidCertificate(Wrong::UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. })
            if BROKEN.iter().any(|broken| signature_algorithm_id.starts_with(broken)) =>
        {
            return "the server's certificate is signed with SHA-1 or MD5, which proves nothing any more; have it signed \
                    with SHA-256"
                .to_owned();
        }
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

fn of_tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// Whether the server says that it does not accept our certificate, or misses it.
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
const UNKNOWN_KEY: &str = "the server's certificate must have and be signed by a key that libetcd knows: RSA of 2048 bits \
                           or more, P-256, P-384 or Ed25519; not P-521, as by etcd --auto-tls, which only \
                           tls.insecure_skip_verify takes, and only over TLS 1.3";

/// What is wrong with a certificate, and what to do.
pub const OF_VERSION_1: &str = "is of X.509 version 1, which cannot be verified; make one of version 3, with openssl x509 \
                                -req by its option -extfile";

/// How a signature that nobody should trust is named (RFC 3279, section 2.2): by MD5 and SHA-1 with RSA, and by SHA-1
/// with ECDSA.
const BROKEN: [&[u8]; 3] = [
    b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04",
    b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05",
    b"\x06\x07\x2a\x86\x48\xce\x3d\x04\x01",
];
