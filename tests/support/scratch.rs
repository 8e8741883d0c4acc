//! Folders and processes that are gone when the test program is, however it ends.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// A folder of its own, removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let path = root().join(format!("{name}-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // what is left goes with the root
    }
}

/// The folder of this test program. Statics are never dropped and a test program may crash, so a shell
/// waits for its end, which closes the shell's input, and removes the folder then.
fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let path = std::env::temp_dir().join(format!("libetcd-test-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path); // of an earlier process with this number
        std::fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // Twice: a server that is being killed may write a last file.
        let script = "trap '' INT TERM HUP; cat >/dev/null; rm -rf -- \"$0\" || { sleep 1; rm -rf -- \"$0\"; }";
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(script).arg(&path).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own: it must outlive a Ctrl-C.
        let shell = shell.process_group(0).spawn().expect("/bin/sh starts");
        std::mem::forget(shell); // and with it the write end of its input
        path
    })
}

/// Starts a program that the kernel kills when this process ends.
pub fn spawn(command: Command) -> io::Result<Child> {
    // The kernel's promise is tied to the thread that forks, not to the process, and a test's thread
    // ends with the test: so one thread that stays starts all.
    type Order = (Command, Sender<io::Result<Child>>);
    static SPAWNER: OnceLock<Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = channel::<Order>();
        let body = move || orders.iter().for_each(|(mut command, to)| drop(to.send(command.spawn())));
        thread::Builder::new().name("spawner".into()).spawn(body).expect("a thread starts");
        sender
    });
    let (to, child) = channel();
    spawner.send((die_with_us(command), to)).expect("the spawner never ends");
    child.recv().expect("the spawner never ends")
}

fn die_with_us(mut command: Command) -> Command {
    let parent = std::process::id();
    let before_exec = move || {
        // SAFETY: system calls on plain numbers, which a forked child may make.
        unsafe {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            // The parent may have died before it was said.
            if libc::getppid() as u32 != parent {
                libc::_exit(1);
            }
        }
        Ok(())
    };
    // SAFETY: it makes system calls only.
    unsafe { command.pre_exec(before_exec) };
    command
}
