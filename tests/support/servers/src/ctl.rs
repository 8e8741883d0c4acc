//! etcd's own command-line tool.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::etcd::Etcd;
use crate::scratch::Folder;
use crate::version::Version;

/// `etcdctl` of 3.6, which knows all of them.
pub struct Ctl {
    port: u16,
    user: Option<&'static str>,
}

impl Ctl {
    pub fn of(etcd: &Etcd) -> Ctl {
        Ctl::at(etcd.plain_port())
    }

    pub fn at(port: u16) -> Ctl {
        Ctl { port, user: None }
    }

    /// With a name and a password, like `root:secret`.
    pub fn with_user(self, user: &'static str) -> Ctl {
        Ctl { user: Some(user), ..self }
    }

    /// What it prints.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments.iter().map(OsStr::new), b"");
        String::from_utf8(output.stdout).expect("what is printed is UTF-8")
    }

    /// What it prints as JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let printed = self.run(&[&["--write-out=json"], arguments].concat());
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }

    #[track_caller]
    pub fn put(&self, key: &str, value: &str) {
        self.put_bytes(key.as_bytes(), value.as_bytes());
    }

    /// The value comes from its input, so that it may be any bytes.
    #[track_caller]
    pub fn put_bytes(&self, key: &[u8], value: &[u8]) {
        use std::os::unix::ffi::OsStrExt;
        self.output([OsStr::new("put"), OsStr::new("--"), OsStr::from_bytes(key)].into_iter(), value);
    }

    /// The key as the server has it, if it is there.
    #[track_caller]
    pub fn get(&self, key: &str) -> Option<Kv> {
        self.json(&["get", "--", key])["kvs"].as_array().map(|kvs| Kv(kvs[0].clone()))
    }

    /// How often the key has been written since it was made; 0 if it is not there.
    #[track_caller]
    pub fn version(&self, key: &str) -> i64 {
        self.get(key).map_or(0, |kv| kv.number("version"))
    }

    /// All keys that begin so.
    #[track_caller]
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let found = self.json(&["get", "--prefix", "--keys-only", "--", prefix]);
        let kvs = found["kvs"].as_array().cloned().unwrap_or_default();
        kvs.into_iter().map(|kv| Kv(kv).bytes("key")).map(|key| String::from_utf8(key).expect("a text")).collect()
    }

    /// A snapshot of all that the server has.
    #[track_caller]
    pub fn save(&self, folder: &Folder) -> PathBuf {
        let path = folder.path().join("snapshot");
        self.run(&["snapshot", "save", path.to_str().expect("the temp folder's name is UTF-8")]);
        path
    }

    pub fn leases(&self) -> usize {
        self.json(&["lease", "list"])["leases"].as_array().map_or(0, Vec::len)
    }

    /// Starts it, for what does not end by itself.
    #[track_caller]
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().unwrap_or_else(|error| panic!("etcdctl: {error}; run tests/setup.sh"))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(tool("etcdctl"));
        let is_setting = |name: &OsString| name.as_encoded_bytes().starts_with(b"ETCDCTL_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
            command.env_remove(name);
        }
        command.env("ETCDCTL_API", "3").arg(format!("--endpoints=http://127.0.0.1:{}", self.port));
        command.args(self.user.map(|user| format!("--user={user}"))).arg("--command-timeout=60s");
        command
    }

    #[track_caller]
    fn output<'a>(&self, arguments: impl Iterator<Item = &'a OsStr>, input: &[u8]) -> Output {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("etcdctl: {error}; run tests/setup.sh"));
        let mut stdin = child.stdin.take().expect("it has a pipe");
        stdin.write_all(input).expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }
}

/// A tool that comes with etcd 3.6.
pub fn tool(name: &str) -> PathBuf {
    Version::V3_6.binary().with_file_name(name)
}

/// A key as etcd's own tools print it.
#[derive(Debug)]
pub struct Kv(Value);

impl Kv {
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        BASE64_STANDARD.decode(self.0[name].as_str().unwrap_or_default()).expect("base64")
    }

    pub fn value(&self) -> String {
        String::from_utf8(self.bytes("value")).expect("a text")
    }

    /// 0 where it is left out.
    pub fn number(&self, name: &str) -> i64 {
        self.0[name].as_i64().unwrap_or(0)
    }
}
