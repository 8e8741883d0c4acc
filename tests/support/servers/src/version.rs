//! The versions of etcd that the tests run: one row each.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::ROOT;

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Also its folder's name below `target/etcd`.
    label: &'static str,
    /// Names another binary.
    variable: &'static str,
    has_v2: bool,
    /// Arguments that other versions do not know.
    arguments: &'static [&'static str],
}

/// 3.6 has neither the v2 API nor the argument.
const WITH_V2: &[&str] = &["--enable-v2=true"];

impl Version {
    pub const V3_4: Version = Version { label: "3.4", variable: "ETCD_3_4", has_v2: true, arguments: WITH_V2 };
    pub const V3_5: Version = Version { label: "3.5", variable: "ETCD_3_5", has_v2: true, arguments: WITH_V2 };
    pub const V3_6: Version = Version { label: "3.6", variable: "ETCD_3_6", has_v2: false, arguments: &[] };
    pub const V3_7: Version = Version { label: "3.7", variable: "ETCD_3_7", has_v2: false, arguments: &[] };

    const TABLE: [Version; 4] = [Version::V3_4, Version::V3_5, Version::V3_6, Version::V3_7];

    pub fn all_with_v2() -> [Version; 2] {
        let all = Vec::from_iter(Version::TABLE.into_iter().filter(|version| version.has_v2));
        all.try_into().expect("two versions have v2")
    }

    /// All of them have it.
    pub fn all_with_v3() -> [Version; 4] {
        Version::TABLE
    }

    pub fn has_v2(self) -> bool {
        self.has_v2
    }

    pub(crate) fn arguments(self) -> &'static [&'static str] {
        self.arguments
    }

    /// The one that the variable names, or else the one that `tests/setup.sh` got.
    #[track_caller]
    pub fn binary(self) -> PathBuf {
        let named = std::env::var_os(self.variable).map(PathBuf::from);
        let path = named.unwrap_or_else(|| Path::new(ROOT).join("target/etcd").join(self.label).join("etcd"));
        let variable = self.variable;
        assert!(
            path.is_file(),
            "{} is missing: run tests/setup.sh, or name an etcd {self} in {variable}",
            path.display()
        );
        path
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label)
    }
}
