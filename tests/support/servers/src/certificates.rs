//! Certificates as the tests want them: authorities, and what they sign, in PEM files that are gone when dropped.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use crate::scratch::Folder;

/// An authority of our own, with the folder in which all that it signs is kept.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    folder: Folder,
}

/// A certificate and its key, by their files' names.
#[derive(Debug, Clone)]
pub struct Identity {
    pub cert: String,
    pub key: String,
}

/// What a certificate is to say.
pub struct Request<'a> {
    common_name: &'a str,
    /// Host names and addresses.
    names: &'a [&'a str],
    /// Years.
    valid: (i32, i32),
    key: Option<KeyPair>,
}

impl Authority {
    pub fn new() -> Authority {
        Authority::named("An authority for tests")
    }

    pub fn named(name: &str) -> Authority {
        let (params, key) = (authoritative(name), KeyPair::generate().expect("a key"));
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Authority::of(Issuer::new(params, key), &certificate)
    }

    /// An authority that this one vouches for.
    pub fn intermediate(&self, name: &str) -> Authority {
        let (params, key) = (authoritative(name), KeyPair::generate().expect("a key"));
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Authority::of(Issuer::new(params, key), &certificate)
    }

    fn of(issuer: Issuer<'static, KeyPair>, certificate: &str) -> Authority {
        let authority = Authority { issuer, certificate: String::new(), folder: Folder::new("ca") };
        Authority { certificate: authority.write("ca.pem", certificate), ..authority }
    }

    /// The file to trust.
    pub fn file(&self) -> &str {
        &self.certificate
    }

    /// A server on this machine, by its name and by its address.
    pub fn server(&self) -> Identity {
        self.sign(&self.new_name("server"), &Request::new("server", &["localhost", "127.0.0.1"]))
    }

    /// A client whose common name is a user's.
    pub fn client(&self, user: &str) -> Identity {
        self.sign(&self.new_name(user), &Request::new(user, &[]))
    }

    /// A name that no file has yet: etcd reads its files anew for every connection.
    fn new_name(&self, name: &str) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        format!("{name}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// Signs it, and puts it into files named so.
    pub fn sign(&self, file: &str, request: &Request) -> Identity {
        self.put(file, request, |params, key| params.signed_by(key, &self.issuer))
    }

    /// Puts it there as the key's owner signs it, and nobody else.
    pub fn sign_itself(&self, file: &str, request: &Request) -> Identity {
        self.put(file, request, |params, key| params.self_signed(key))
    }

    fn put(
        &self,
        file: &str,
        request: &Request,
        sign: impl FnOnce(&CertificateParams, &KeyPair) -> Result<Certificate, rcgen::Error>,
    ) -> Identity {
        let names: Vec<String> = request.names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names that can stand in a certificate");
        params.distinguished_name.push(DnType::CommonName, request.common_name);
        (params.not_before, params.not_after) =
            (date_time_ymd(request.valid.0, 1, 1), date_time_ymd(request.valid.1, 1, 1));
        let made;
        let key = match &request.key {
            Some(key) => key,
            None => {
                made = KeyPair::generate().expect("a key");
                &made
            }
        };
        let certificate = sign(&params, key).expect("a certificate").pem();
        Identity {
            cert: self.write(&format!("{file}.pem"), &certificate),
            key: self.write(&format!("{file}-key.pem"), &key.serialize_pem()),
        }
    }

    /// A file beside the others; returns its whole name.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap_or_else(|error| panic!("{path}: {error}"));
        path
    }

    /// The whole name of a file that is there, or is to be.
    pub fn path(&self, name: &str) -> String {
        self.folder().join(name).to_str().expect("the temp folder's name is UTF-8").to_owned()
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `openssl` among the files; the arguments stand in one text, separated by spaces.
    #[track_caller]
    pub fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(self.folder());
        let output = command.output().unwrap_or_else(|error| panic!("openssl: {error}; please install it"));
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn authoritative(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

impl<'a> Request<'a> {
    pub fn new(common_name: &'a str, names: &'a [&'a str]) -> Request<'a> {
        Request { common_name, names, valid: (2000, 2100), key: None }
    }

    /// From the beginning of one year to the beginning of another.
    pub fn valid(self, from: i32, until: i32) -> Request<'a> {
        Request { valid: (from, until), ..self }
    }

    /// For a key that is there already.
    pub fn with_key(self, key: KeyPair) -> Request<'a> {
        Request { key: Some(key), ..self }
    }
}
