//! Folders and processes that are gone when the test program is, however it ends.

use std::ffi::CString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::{fs, io};

/// A folder of its own, removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        Folder::below(&roots().disk, name)
    }

    /// In memory, where there is room: what is written waits for no disk, which on a busy machine may take seconds.
    pub fn in_memory(name: &str) -> Folder {
        let roots = roots();
        Folder::below(roots.memory.as_ref().filter(|_| has_room()).unwrap_or(&roots.disk), name)
    }

    fn below(root: &Path, name: &str) -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let path = root.join(format!("{name}-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // what is left goes with the root
    }
}

/// Linux's file system in memory.
const MEMORY: &str = "/dev/shm";
/// An etcd alone takes an eighth of it, before it has any data; containers often have no more than a sixteenth.
const ROOM: u64 = 1 << 30;

/// Whether so much memory is free, both in the file system and in the machine.
fn has_room() -> bool {
    // SAFETY: plain numbers, which are filled in.
    let mut free: libc::statvfs = unsafe { std::mem::zeroed() };
    let path = CString::new(MEMORY).expect("no NUL");
    // SAFETY: a C string, and room for the answer.
    let is_told = unsafe { libc::statvfs(path.as_ptr(), &mut free) } == 0;
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let available = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.strip_suffix("kB"));
    let available: u64 = available.and_then(|kib| kib.trim().parse().ok()).unwrap_or(0);
    is_told && free.f_bavail * free.f_frsize >= ROOM && available << 10 >= 2 * ROOM
}

/// The folders of this test program.
struct Roots {
    disk: PathBuf,
    /// None: nobody may write there.
    memory: Option<PathBuf>,
}

/// Statics are never dropped and a test program may crash, so a shell waits for its end, which closes the shell's
/// input, and removes the folders then.
fn roots() -> &'static Roots {
    static ROOTS: OnceLock<Roots> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let name = format!("libetcd-test-{}", std::process::id());
        let [disk, memory] = [&std::env::temp_dir(), Path::new(MEMORY)].map(|folder| folder.join(&name));
        for folder in [&disk, &memory] {
            let _ = fs::remove_dir_all(folder); // of an earlier process with this number
        }
        fs::create_dir_all(&disk).unwrap_or_else(|error| panic!("{}: {error}", disk.display()));
        let memory = fs::create_dir(&memory).is_ok().then_some(memory);
        // Twice: a server that is being killed may write a last file.
        let script = "trap '' INT TERM HUP; cat >/dev/null; rm -rf -- \"$@\" || { sleep 1; rm -rf -- \"$@\"; }";
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", script, "sh"]).arg(&disk).args(&memory);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // A group of its own: it must outlive a Ctrl-C.
        let shell = shell.process_group(0).spawn().expect("/bin/sh starts");
        std::mem::forget(shell); // and with it the write end of its input
        Roots { disk, memory }
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
