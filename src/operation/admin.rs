//! What an administrator wants: members of the cluster, users, roles. Plain data, like every operation.

use crate::base::error::{Error, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admin {
    Member(MemberChange),
    Auth(AuthChange),
    User(Name, UserChange),
    Role(Name, RoleChange),
    Users,
    Roles,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberChange {
    Add {
        peer_urls: Vec<String>,
    },
    Update {
        id: Name,
        peer_urls: Vec<String>,
    },
    Remove {
        id: Name,
    },
    /// A learner becomes a member that votes.
    Promote {
        id: Name,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthChange {
    Status,
    Enable,
    Disable,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserChange {
    Get,
    Create { password: String },
    SetPassword { password: String },
    Delete,
    Grant { role: Name },
    Revoke { role: Name },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleChange {
    Get,
    Create,
    Delete,
    Grant(Permission),
    Revoke(Permission),
}

/// A key, or with a `*` at its end all that begin so; and what may be done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    pub pattern: String,
    pub read: bool,
    pub write: bool,
}

/// A name that can stand in a path: of a user, a role, a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// `parameter` is whose name it is, for the error.
    pub fn parse(text: &str, parameter: &str) -> Result<Name> {
        match text {
            "" => Err(Error::invalid(format!("{parameter}: must not be empty"))),
            "." | ".." => Err(Error::invalid(format!("{parameter}: {text:?} cannot be a name"))),
            _ if text.contains('/') => Err(Error::invalid(format!("{parameter}: must not contain \"/\""))),
            _ => Ok(Name(text.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl MemberChange {
    /// URLs as users write them: separated by commas.
    pub fn parse_urls(text: &str) -> Result<Vec<String>> {
        let urls: Vec<String> = text.split(',').map(|url| url.trim().to_owned()).collect();
        match urls.iter().any(String::is_empty) {
            true => Err(Error::invalid("peer_urls: must be URLs, separated by commas")),
            false => Ok(urls),
        }
    }
}

impl Permission {
    pub fn new(pattern: &str, read: bool, write: bool) -> Result<Permission> {
        if !pattern.starts_with('/') {
            return Err(Error::invalid("pattern: must begin with \"/\""));
        }
        if !read && !write {
            return Err(Error::invalid("access: must be ETCD_READ, ETCD_WRITE, or both"));
        }
        Ok(Permission { pattern: pattern.to_owned(), read, write })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_would_misread_is_refused() {
        for bad in ["", ".", "..", "a/b"] {
            assert_eq!(Name::parse(bad, "user").unwrap_err().code, 1001, "{bad}");
        }
        assert_eq!(Name::parse("a b?", "user").unwrap().as_str(), "a b?");
        assert_eq!(MemberChange::parse_urls("http://a:1, http://b:2").unwrap(), ["http://a:1", "http://b:2"]);
        assert!(MemberChange::parse_urls("").is_err() && MemberChange::parse_urls("http://a:1,").is_err());
        assert!(Permission::new("/a*", true, false).is_ok());
        assert!(Permission::new("a", true, false).is_err() && Permission::new("/a", false, false).is_err());
    }
}
