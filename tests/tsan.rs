//! The C programs with threads under the thread sanitizer: `make tsan`. It takes a build of its own, with options of the
//! compiler that are not stable yet, and so is no part of `make check`.

mod support;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::etcd::Etcd;
use support::scratch::Folder;
use toolchain::{command, output, printed, run, target_dir};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const FOUND: i32 = 66;

/// Two threads and a number that nothing guards.
const RACE: &str = "#include <pthread.h>\n\
    static int number;\n\
    static void *add(void *none) { for (int i = 0; i < 100000; i++) number++; return none; }\n\
    int main(void) { pthread_t other; pthread_create(&other, 0, add, 0); add(0); pthread_join(other, 0); return 0; }\n";

#[test]
#[ignore = "make tsan runs it"]
fn no_two_threads_are_at_the_same_memory_unguarded() {
    let (library, folder) = (build_library(), Folder::new("tsan"));
    let calls = run(command("nm").args(["-D", "--undefined-only"]).arg(&library));
    assert!(calls.contains("__tsan_write8"), "the library itself is looked at");

    let racy = folder.path().join("racy.c");
    std::fs::write(&racy, RACE).expect("it is ours");
    let caught = output(&mut under_the_sanitizer(&compile(&racy, &library, folder.path())));
    assert_eq!(caught.status.code(), Some(FOUND), "the sanitizer is on: {}", printed(&caught));

    for name in ["counter", "watch_push", "watch_poll", "watch_stop", "config", "queue", "failures", "errors"] {
        let source = PathBuf::from(format!("{}/tests/c/{name}.c", toolchain::ROOT));
        let program = compile(&source, &library, folder.path());
        for etcd in Etcd::shared() {
            let said = output(under_the_sanitizer(&program).arg(etcd.port().to_string()));
            assert!(said.status.success(), "{name}: {}\n{}", said.status, printed(&said));
        }
    }
}

/// libetcd with the sanitizer in it, which what it is loaded by brings along.
fn build_library() -> PathBuf {
    let folder = target_dir().join("tsan");
    let mut cargo = command(env!("CARGO"));
    cargo
        .args(["build", "--lib", "--target", TARGET, "--target-dir"])
        .arg(&folder)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "--cfg tsan -Zsanitizer=thread -Zexternal-clangrt -Cunsafe-allow-abi-mismatch=sanitizer");
    run(&mut cargo);
    folder.join(TARGET).join("debug/libetcd.so")
}

fn compile(source: &Path, library: &Path, folder: &Path) -> PathBuf {
    let (program, link) = (folder.join(source.file_stem().expect("a file")), folder.join("libetcd.so.0"));
    if !link.exists() {
        std::os::unix::fs::symlink(library, &link).expect("a folder of our own");
    }
    let object = program.with_extension("o");
    let mut cc = command("gcc");
    cc.args(["-fsanitize=thread", "-g", "-O1", "-pthread", "-Iinclude", "-c", "-o"]).arg(&object).arg(source);
    run(&mut cc);
    // With Rust's runtime of the sanitizer, not the compiler's own: there must be one, and the library needs this one.
    let runtime = run(command("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    let mut linker = command("gcc");
    linker.arg("-rdynamic").arg("-o").arg(&program).arg(&object).arg("-Wl,--whole-archive");
    linker.arg(format!("{}/librustc-stable_rt.tsan.a", runtime.trim())).arg("-Wl,--no-whole-archive").arg(&link);
    run(linker.args(["-lpthread", "-ldl", "-lm", "-lrt"]).arg(format!("-Wl,-rpath,{}", folder.display())));
    program
}

fn under_the_sanitizer(program: &Path) -> Command {
    let mut command = command(program.to_str().expect("the path is our own"));
    command.env("TSAN_OPTIONS", format!("exitcode={FOUND} suppressions={}/tests/c/tsan.supp", toolchain::ROOT));
    command
}
