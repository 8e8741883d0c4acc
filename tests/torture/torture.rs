//! `tests/c/torture.c`, built in one of three ways.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::program::{LEAKS, Program};
use support::sanitizer::{Sanitized, Sanitizer};
use support::scratch;
use support::toolchain::{ROOT, printed};

const SOURCE: &str = "tests/c/torture.c";

pub enum Torture {
    Plain(Program),
    /// Under the address sanitizer, which looks for leaks, too.
    Sanitized(Sanitized, PathBuf),
    Valgrind(Program),
}

impl Torture {
    pub fn plain() -> Torture {
        Torture::Plain(Program::compile(SOURCE))
    }

    pub fn sanitized() -> Torture {
        let sanitized = Sanitized::build(Sanitizer::Address);
        let program = sanitized.compile(&PathBuf::from(format!("{ROOT}/{SOURCE}")));
        Torture::Sanitized(sanitized, program)
    }

    pub fn under_valgrind() -> Torture {
        Torture::Valgrind(Program::compile(SOURCE))
    }

    /// Plays a scene for so many seconds, which must end well; returns what the program says of it.
    #[track_caller]
    pub fn play(&self, scene: &str, seed: u64, seconds: u64, endpoints: &[String]) -> String {
        let output = self.output(scene, seed, seconds, endpoints, || true);
        assert!(output.status.success(), "{scene}, seed {seed}: {}\n{}", output.status, printed(&output));
        printed(&output)
    }

    /// The same for as long as `is_enough` wants.
    #[track_caller]
    pub fn play_until(&self, scene: &str, seed: u64, endpoints: &[String], is_enough: impl FnMut() -> bool) -> String {
        let output = self.output(scene, seed, 0, endpoints, is_enough);
        assert!(output.status.success(), "{scene}, seed {seed}: {}\n{}", output.status, printed(&output));
        printed(&output)
    }

    pub fn output(
        &self,
        scene: &str,
        seed: u64,
        seconds: u64,
        endpoints: &[String],
        mut is_enough: impl FnMut() -> bool,
    ) -> Output {
        let mut command = self.command(scene);
        command.args([scene, &seed.to_string(), &seconds.to_string()]).args(endpoints);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = scratch::spawn(command).expect("it was just built");
        while !is_enough() && matches!(child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(20));
        }
        // Ends with its input, which is dropped here.
        child.wait_with_output().expect("the child is ours")
    }

    fn command(&self, scene: &str) -> Command {
        match self {
            Torture::Plain(program) => program.command(&[]),
            Torture::Sanitized(sanitized, program) => {
                let mut command = sanitized.command(program);
                if scene == "exit" {
                    command.env("ASAN_OPTIONS", "detect_leaks=0"); // threads that still run have something
                }
                command.env("TORTURE_SLOWNESS", "4");
                command
            }
            Torture::Valgrind(program) => {
                // Children that were forked never free what their parent's other threads had.
                let no_leaks = matches!(scene, "exit" | "misuse");
                let mut command = program.valgrind(if no_leaks { &["--leak-check=no"] } else { &LEAKS }, &[]);
                command.env("TORTURE_SLOWNESS", "20");
                command
            }
        }
    }
}

/// What a variable of the environment says.
pub fn wanted<T: FromStr>(variable: &str, otherwise: T) -> T {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The seed that a variable gives, or else another one each time. It is printed.
pub fn seed(variable: &str) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let seed = wanted(variable, now.as_nanos() as u64 % 1_000_000_000);
    println!("{variable}={seed}");
    seed
}
