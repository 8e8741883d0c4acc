//! Programs with more rights than who starts them: the environment is of his making, and says nothing about whom to
//! trust.

use std::ffi::CString;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use support::certificates::Authority;
use support::scratch::Folder;
use support::toolchain::{cc, printed, run, shared_library};

use crate::authorities::server;

const NOBODY: u32 = 65534;

/// A program, and the library, that everybody may start.
struct Installed {
    folder: Folder,
}

impl Installed {
    fn new(source: &str) -> Installed {
        let installed = Installed { folder: Folder::new("installed") };
        let folder = installed.folder.path();
        fs::copy(shared_library(), folder.join("libetcd.so.0")).expect("a folder of our own");
        symlink("libetcd.so.0", folder.join("libetcd.so")).expect("a folder of our own");
        let mut compiler = cc("gnu11");
        compiler.args(["-Iinclude", "-o"]).arg(installed.path()).arg(source).arg("-L").arg(folder);
        run(compiler.arg("-letcd").arg(format!("-Wl,-rpath,{}", folder.display())));
        installed
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("program")
    }

    fn set_mode(&self, mode: u32) {
        fs::set_permissions(self.path(), Permissions::from_mode(mode)).expect("it is ours");
    }

    /// Gives it CAP_NET_RAW, as `setcap cap_net_raw=ep` does.
    fn set_capability(&self) {
        let path = CString::new(self.path().as_os_str().as_bytes()).expect("no NUL");
        // linux/capability.h: revision 2, effective; permitted and inheritable, the lower bits first.
        let value: Vec<u8> = [0x0200_0001_u32, 1 << 13, 0, 0, 0].iter().flat_map(|word| word.to_le_bytes()).collect();
        // SAFETY: two C strings, and a value of that length.
        let set = unsafe {
            libc::setxattr(path.as_ptr(), c"security.capability".as_ptr(), value.as_ptr().cast(), value.len(), 0)
        };
        assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
    }

    /// What it prints, started by nobody with this environment.
    fn run(&self, url: &str, environment: &[(&str, &str)]) -> String {
        let mut command = Command::new(self.path());
        command.arg(url).env_clear().envs(environment.iter().copied()).uid(NOBODY).gid(NOBODY);
        printed(&command.output().expect("it starts"))
    }
}

#[test]
fn a_privileged_program_does_not_ask_the_environment() {
    // SAFETY: a number.
    assert_eq!(unsafe { libc::geteuid() }, 0, "only root can give a program more rights; run the tests as root");
    let (authority, program) = (Authority::new(), Installed::new("tests/c/authorities.c"));
    let server = server(&authority);
    let folder = authority.folder().to_str().expect("the temp folder's name is UTF-8");
    let environments = [[("SSL_CERT_FILE", authority.file())], [("SSL_CERT_DIR", folder)]];
    let runs = || environments.map(|environment| program.run(&server.url(), &environment));
    for told in runs() {
        assert!(told.starts_with("get 0 "), "an ordinary program asks: {told}");
    }
    let before = server.requests().len();
    let rights: [(&str, &dyn Fn()); 3] = [
        ("setuid", &|| program.set_mode(0o4755)),
        ("setgid", &|| program.set_mode(0o2755)),
        ("a capability", &|| {
            program.set_mode(0o755);
            program.set_capability();
        }),
    ];
    for (name, give) in rights {
        give();
        for told in runs() {
            assert!(told.starts_with("get 1007 ") && told.contains("UnknownIssuer"), "{name}: {told}");
        }
    }
    assert_eq!(server.requests().len(), before, "nothing is sent to whom the environment trusts");
}
