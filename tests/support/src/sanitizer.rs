//! The library and C programs with a sanitizer's checks. They take a build of their own, with options of the compiler that
//! are not stable yet.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::scratch::Folder;
use crate::toolchain::{ROOT, command, run, target_dir};

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// With which a program ends that has done something wrong.
pub const FOUND: i32 = 66;

#[derive(Debug, Clone, Copy)]
pub enum Sanitizer {
    Address,
    Thread,
}

/// The library, and a folder for programs that are linked with it.
pub struct Sanitized {
    sanitizer: Sanitizer,
    folder: Folder,
}

impl Sanitizer {
    fn name(self) -> &'static str {
        match self {
            Sanitizer::Address => "address",
            Sanitizer::Thread => "thread",
        }
    }

    /// Of the file with what runs beside the program.
    fn runtime(self) -> &'static str {
        match self {
            Sanitizer::Address => "asan",
            Sanitizer::Thread => "tsan",
        }
    }

    /// A function that what is looked at calls.
    fn call(self) -> &'static str {
        match self {
            Sanitizer::Address => "__asan_report_store8",
            Sanitizer::Thread => "__tsan_write8",
        }
    }
}

impl Sanitized {
    /// libetcd with the sanitizer's checks; the program that loads it brings the sanitizer's runtime.
    pub fn build(sanitizer: Sanitizer) -> Sanitized {
        let (name, built) = (sanitizer.name(), target_dir().join(sanitizer.runtime()));
        let flags = format!("-Zsanitizer={name} -Zexternal-clangrt -Cunsafe-allow-abi-mismatch=sanitizer");
        // What locks.rs looks at.
        let flags = if let Sanitizer::Thread = sanitizer { format!("--cfg tsan {flags}") } else { flags };
        let mut cargo = command(env!("CARGO"));
        cargo.args(["build", "--lib", "--target", TARGET, "--target-dir"]).arg(&built);
        run(cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", flags));
        let library = built.join(TARGET).join("debug/libetcd.so");
        let calls = run(command("nm").args(["-D", "--undefined-only"]).arg(&library));
        assert!(calls.contains(sanitizer.call()), "the library itself is looked at");
        let folder = Folder::new(name);
        std::os::unix::fs::symlink(library, folder.path().join("libetcd.so.0")).expect("a folder of our own");
        Sanitized { sanitizer, folder }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn compile(&self, source: &Path) -> PathBuf {
        let program = self.folder().join(source.file_stem().expect("a file"));
        let object = program.with_extension("o");
        let mut cc = command("gcc");
        cc.arg(format!("-fsanitize={}", self.sanitizer.name()));
        cc.args(["-g", "-O1", "-pthread", "-Iinclude", "-c", "-o"]).arg(&object).arg(source);
        run(&mut cc);
        // With Rust's runtime of the sanitizer, not the compiler's: there can be only one, and the library needs this one.
        let libraries = run(command("rustc").args(["--print", "target-libdir", "--target", TARGET]));
        let runtime = format!("{}/librustc-stable_rt.{}.a", libraries.trim(), self.sanitizer.runtime());
        let mut linker = command("gcc");
        linker.arg("-rdynamic").arg("-o").arg(&program).arg(&object).arg("-Wl,--whole-archive").arg(runtime);
        linker.arg("-Wl,--no-whole-archive").arg(self.folder().join("libetcd.so.0"));
        run(linker.args(["-lpthread", "-ldl", "-lm", "-lrt"]).arg(format!("-Wl,-rpath,{}", self.folder().display())));
        program
    }

    pub fn command(&self, program: &Path) -> Command {
        let mut command = command(program.to_str().expect("the path is our own"));
        match self.sanitizer {
            // What was freed is kept for a while; less of it than usual, so that memory that grows is seen.
            Sanitizer::Address => command.env("ASAN_OPTIONS", format!("exitcode={FOUND} quarantine_size_mb=16")),
            Sanitizer::Thread => {
                let options = format!("exitcode={FOUND} suppressions={ROOT}/tests/c/tsan.supp");
                command.env("TSAN_OPTIONS", options)
            }
        };
        command
    }
}
