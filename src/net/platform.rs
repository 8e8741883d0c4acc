//! What each system does in its own way: how one thread wakes another that polls, how a wait has an end, and how a write
//! to a closed connection is kept from ending the host program.
//!
//! Linux is what the tests run on. The ways of the others are compiled, and reviewed, and no more.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use nix::poll::PollFd;

pub use flag::Flag;

/// For each send. Without it a closed connection would send SIGPIPE to the host program.
#[cfg(not(target_vendor = "apple"))]
pub const SEND: i32 = libc::MSG_NOSIGNAL;
/// There it is an option of the socket, which `socket2` sets for each that it makes.
#[cfg(target_vendor = "apple")]
pub const SEND: i32 = 0;

impl AsRawFd for Flag {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

/// Waits for one of the descriptors, and not longer than `time`. A signal may end it.
#[cfg(any(target_os = "linux", target_os = "freebsd"))]
pub fn wait(polled: &mut [PollFd<'_>], time: Duration) -> nix::Result<()> {
    nix::poll::ppoll(polled, Some(nix::sys::time::TimeSpec::from_duration(time)), None).map(|_| ())
}

/// The same by whole milliseconds, of which it takes one too many rather than none.
#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
pub fn wait(polled: &mut [PollFd<'_>], time: Duration) -> nix::Result<()> {
    let milliseconds = i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    nix::poll::poll(polled, nix::poll::PollTimeout::try_from(milliseconds).unwrap_or(nix::poll::PollTimeout::MAX))
        .map(|_| ())
}

#[cfg(any(target_os = "linux", target_os = "freebsd"))]
mod flag {
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd};

    use nix::sys::eventfd::{EfdFlags, EventFd};

    /// A descriptor that is readable while it is raised.
    pub struct Flag(EventFd);

    impl Flag {
        /// Lowered.
        pub fn new() -> io::Result<Flag> {
            Ok(Flag(EventFd::from_value_and_flags(0, EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?))
        }

        /// Each time is an edge for `epoll`.
        pub fn raise(&self) {
            let _ = self.0.write(1); // an error: it is raised already, 2^64 times
        }

        /// Whether it was raised.
        pub fn lower(&self) -> bool {
            self.0.read().is_ok() // an error: it was 0
        }
    }

    impl AsFd for Flag {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
mod flag {
    use std::io::{self, Read, Write};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::net::UnixStream;

    /// The same where there is no eventfd: two sockets, of which the second is readable while the first has written to it.
    pub struct Flag(UnixStream, UnixStream);

    impl Flag {
        /// Lowered.
        pub fn new() -> io::Result<Flag> {
            let (writer, reader) = UnixStream::pair()?;
            writer.set_nonblocking(true)?;
            reader.set_nonblocking(true)?;
            Ok(Flag(writer, reader))
        }

        /// Each time is an edge for `kqueue`.
        pub fn raise(&self) {
            let _ = (&self.0).write(&[1]); // an error: it is full of what nobody has read
        }

        /// Whether it was raised.
        pub fn lower(&self) -> bool {
            let mut was_raised = false;
            while (&self.1).read(&mut [0; 64]).is_ok_and(|read| read > 0) {
                was_raised = true;
            }
            was_raised
        }
    }

    impl AsFd for Flag {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.1.as_fd()
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::poll::PollFlags;

    use super::*;

    #[test]
    fn a_flag_is_readable_while_it_is_raised() {
        let flag = Flag::new().unwrap();
        let is_readable = || {
            let mut polled = [PollFd::new(flag.as_fd(), PollFlags::POLLIN)];
            wait(&mut polled, Duration::ZERO).unwrap();
            polled[0].any() == Some(true)
        };
        assert!(!is_readable() && !flag.lower());
        flag.raise();
        flag.raise();
        assert!(is_readable() && flag.lower());
        assert!(!is_readable() && !flag.lower());
    }

    #[test]
    fn a_wait_has_an_end() {
        let flag = Flag::new().unwrap();
        wait(&mut [PollFd::new(flag.as_fd(), PollFlags::POLLIN)], Duration::from_nanos(1)).unwrap();
    }
}
