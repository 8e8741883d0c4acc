//! C programs as a user builds them: compiled against the header and the shared library, run, and run under valgrind.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::scratch::Folder;
use crate::toolchain::{cc, command, cxx, run, shared_library};

/// What has valgrind look for leaks.
pub const LEAKS: [&str; 2] = ["--leak-check=full", "--errors-for-leak-kinds=definite,possible"];

pub struct Program {
    path: PathBuf,
    _folder: Folder,
}

impl Program {
    /// From a source of the repository.
    #[track_caller]
    pub fn compile(source: &str) -> Program {
        Program::compile_with(source, &[])
    }

    /// For valgrind, where to connect takes its time: see `tests/c/patient.c`.
    #[track_caller]
    pub fn compile_patient(source: &str) -> Program {
        Program::compile_with(source, &["tests/c/patient.c", "-Wl,--wrap=etcd_config_new"])
    }

    #[track_caller]
    fn compile_with(source: &str, more: &[&str]) -> Program {
        let name = Path::new(source).file_stem().expect("a source has a name").to_string_lossy();
        let folder = Folder::new(&name);
        // A program asks for the library by the name of its ABI, which Cargo knows nothing of.
        for link in ["libetcd.so", "libetcd.so.0"] {
            symlink(shared_library(), folder.path().join(link)).expect("a folder of our own");
        }
        let path = folder.path().join(&*name);
        let mut compiler = if source.ends_with(".cpp") { cxx("c++11") } else { cc("c11") };
        compiler.args(["-g", "-O1", "-pthread", "-Iinclude", "-o"]).arg(&path).arg(source).args(more);
        compiler.arg("-L").arg(folder.path()).args(["-Wl,--as-needed", "-letcd", "-ldl"]);
        run(compiler.arg(format!("-Wl,-rpath,{}", folder.path().display())));
        Program { path, _folder: folder }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.path.to_str().expect("the path is our own"));
        command.args(arguments);
        command
    }

    /// Any leak and any error makes it fail with 99.
    pub fn under_valgrind(&self, arguments: &[&str]) -> Command {
        self.valgrind(&LEAKS, arguments)
    }

    /// With further options of valgrind's.
    pub fn valgrind(&self, options: &[&str], arguments: &[&str]) -> Command {
        let mut valgrind = command("valgrind");
        valgrind.args(["--quiet", "--error-exitcode=99", "--suppressions=tests/c/valgrind.supp", "--num-callers=30"]);
        // Else one busy thread may keep all others waiting.
        valgrind.arg("--fair-sched=yes").args(options).arg(&self.path).args(arguments);
        valgrind
    }
}
