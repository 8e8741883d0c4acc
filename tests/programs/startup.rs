//! What the library does when it is loaded: it is ready before the first call, shared or static.

use std::path::PathBuf;
use std::process::Command;

use support::scratch::Folder;
use support::toolchain::{cc, command, run, shared_library};

#[test]
fn a_fork_during_the_first_call_leaves_a_child_that_can_call() {
    for program in [shared(), archived()] {
        assert_eq!(run(&mut program.command(&[])), "", "{}", program.name);
    }
}

#[test]
fn a_fork_during_a_childs_first_use_of_a_client_leaves_one_too() {
    for program in [shared(), archived()] {
        assert_eq!(run(&mut program.command(&["grandchildren"])), "", "{}", program.name);
    }
}

struct Program {
    name: &'static str,
    path: PathBuf,
    folder: Folder,
}

impl Program {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.path.to_str().expect("the path is our own"));
        command.env("LD_LIBRARY_PATH", self.folder.path()).args(arguments);
        command
    }
}

/// With the shared library.
fn shared() -> Program {
    let folder = Folder::new("startup-shared");
    let link = folder.path().join("libetcd.so.0");
    std::os::unix::fs::symlink(shared_library(), &link).expect("a folder of our own");
    compile("shared", folder, link)
}

/// With the static library, of which the linker takes what is referred to.
fn archived() -> Program {
    compile("static", Folder::new("startup-static"), shared_library().with_extension("a"))
}

fn compile(name: &'static str, folder: Folder, library: PathBuf) -> Program {
    let path = folder.path().join("first_call");
    let mut compiler = cc("c11");
    compiler.args(["-g", "-O1", "-pthread", "-Iinclude", "-o"]).arg(&path).arg("tests/c/first_call.c").arg(library);
    run(compiler.args(["-lgcc_s", "-lpthread", "-ldl", "-lm"]));
    Program { name, path, folder }
}
