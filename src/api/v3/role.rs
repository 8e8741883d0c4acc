//! Roles. A pattern, `/app*`, is the range of all keys that begin so; one without `*` is a key.
//!
//! v3 has one kind of permission for a range: to read, to write, or both. Over v2 each is granted and revoked by itself,
//! and so it is here: what a role has is read first.

use super::change::{ask, carry_out, conflict, read_back};
use super::errors;
use super::session::Session;
use super::tree::Tree;
use crate::base::code;
use crate::base::error::{Error, Result};
use crate::base::json::quote;
use crate::messages::auth::{
    Permission as Granted, PermissionType, RoleAddRequest, RoleDeleteRequest, RoleGetRequest,
    RoleGrantPermissionRequest, RoleListRequest, RoleRevokePermissionRequest,
};
use crate::messages::txn::prefix_end;
use crate::operation::{Name, Permission, RoleChange};

pub fn run(session: &Session, role: &Name, change: &RoleChange) -> Result<String> {
    let name = || role.as_str().to_owned();
    let shown = |permissions: &[Granted]| to_json(&session.client.tree, role.as_str(), permissions);
    match change {
        RoleChange::Get => return Ok(shown(&ask(session, &RoleGetRequest { role: name() })?.perm)),
        RoleChange::Create => {
            ask(session, &RoleAddRequest { name: name() })?;
            return Ok(shown(&[]));
        }
        RoleChange::Delete => return carry_out(session, &RoleDeleteRequest { role: name() }),
        RoleChange::Grant(permission) => grant(session, role, permission)?,
        RoleChange::Revoke(permission) => revoke(session, role, permission)?,
    }
    Ok(shown(&read_back(session, &RoleGetRequest { role: name() })?.perm))
}

pub fn list(session: &Session) -> Result<String> {
    let mut roles = Vec::new();
    for role in ask(session, &RoleListRequest {})?.roles {
        match session.ask(&RoleGetRequest { role: role.clone() }) {
            Ok(found) => roles.push(to_json(&session.client.tree, &role, &found.perm)),
            // Deleted since the list was made.
            Err(refused) if refused.is_role_not_found() => {}
            Err(refused) => return Err(errors::into_admin_error(refused)),
        }
    }
    Ok(format!("[{}]", roles.join(",")))
}

/// The role root, which over v2 is always there.
pub fn make_sure_of_root(session: &Session) -> Result<()> {
    match session.ask(&RoleAddRequest { name: "root".to_owned() }) {
        Err(refused) if !refused.is_role_there() => Err(errors::into_admin_error(refused)),
        _ => Ok(()),
    }
}

fn grant(session: &Session, role: &Name, permission: &Permission) -> Result<()> {
    let range = range(&session.client.tree, &permission.pattern);
    let (read, write) = granted(session, role, &range)?;
    if (read || !permission.read) && (write || !permission.write) {
        return Err(conflict(format!("Role {} has the permission on {} already", role.as_str(), permission.pattern)));
    }
    put(session, role, range, (read || permission.read, write || permission.write))
}

fn revoke(session: &Session, role: &Name, permission: &Permission) -> Result<()> {
    let range = range(&session.client.tree, &permission.pattern);
    let (read, write) = granted(session, role, &range)?;
    if permission.read && !read || permission.write && !write {
        let cause = format!("Role {} does not have the permission on {}", role.as_str(), permission.pattern);
        return Err(Error::new(code::ETCD_ERROR_HTTP, "There is nothing to revoke", cause).with_status(400));
    }
    match (read && !permission.read, write && !permission.write) {
        (false, false) => {
            let (role, (key, range_end)) = (role.as_str().to_owned(), range);
            ask(session, &RoleRevokePermissionRequest { role, key, range_end })?;
            Ok(())
        }
        rest => put(session, role, range, rest),
    }
}

type Range = (Vec<u8>, Vec<u8>);

/// Whether the role may read and write just this range.
fn granted(session: &Session, role: &Name, (key, end): &Range) -> Result<(bool, bool)> {
    let permissions = ask(session, &RoleGetRequest { role: role.as_str().to_owned() })?.perm;
    let found = permissions.iter().find(|granted| granted.key == *key && granted.range_end == *end);
    Ok(found.map_or((false, false), |granted| (may_read(granted), may_write(granted))))
}

/// Takes the place of what the role had on this range.
fn put(session: &Session, role: &Name, (key, range_end): Range, (read, write): (bool, bool)) -> Result<()> {
    let perm_type = match (read, write) {
        (true, false) => PermissionType::Read,
        (false, _) => PermissionType::Write,
        (true, true) => PermissionType::ReadWrite,
    } as i32;
    let perm = Some(Granted { perm_type, key, range_end });
    ask(session, &RoleGrantPermissionRequest { name: role.as_str().to_owned(), perm })?;
    Ok(())
}

fn range(tree: &Tree, pattern: &str) -> Range {
    match pattern.strip_suffix('*') {
        Some(prefix) => {
            let key = tree.key_of(prefix);
            let end = prefix_end(&key);
            // All keys there are: a range cannot begin with no key at all.
            (if key.is_empty() { vec![0] } else { key }, end)
        }
        None => (tree.key_of(pattern), Vec::new()),
    }
}

/// A range as a pattern, or where it is none, or none below the root, as what it is.
fn pattern(tree: &Tree, granted: &Granted) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let path = |key: &[u8]| tree.relative(key).map(|rest| format!("/{}", text(rest)));
    let is_all = granted.key == [0] && granted.range_end == [0];
    let key = if is_all { &[] } else { &granted.key[..] };
    let found = match &granted.range_end[..] {
        [] => path(key),
        end if *end == prefix_end(key) => path(key).map(|path| path + "*"),
        _ => None,
    };
    found.unwrap_or_else(|| match &granted.range_end[..] {
        [] => format!("[{}]", text(key)),
        [0] => format!("[{}, )", text(key)),
        end => format!("[{}, {})", text(key), text(end)),
    })
}

fn may_read(granted: &Granted) -> bool {
    granted.perm_type != PermissionType::Write as i32
}

fn may_write(granted: &Granted) -> bool {
    granted.perm_type != PermissionType::Read as i32
}

fn to_json(tree: &Tree, role: &str, permissions: &[Granted]) -> String {
    let list = |may: fn(&Granted) -> bool| {
        let patterns = permissions.iter().filter(|granted| may(granted)).map(|granted| quote(&pattern(tree, granted)));
        Vec::from_iter(patterns).join(",")
    };
    let (read, write) = (list(may_read), list(may_write));
    format!(r#"{{"role":{},"permissions":{{"kv":{{"read":[{read}],"write":[{write}]}}}}}}"#, quote(role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_range_and_the_other_way_round() {
        for (root, given, key, end) in [
            ("/", "/app*", "/app", "/apq"),
            ("/", "/app/*", "/app/", "/app0"),
            ("/", "/app", "/app", ""),
            ("/", "/*", "/", "0"),
            ("", "/*", "\0", "\0"),
            ("", "/a*", "a", "b"),
            ("/x", "/a*", "/x/a", "/x/b"),
            ("/x", "/*", "/x/", "/x0"),
        ] {
            let tree = Tree::new(root);
            let (found, found_end) = range(&tree, given);
            assert_eq!((&found[..], &found_end[..]), (key.as_bytes(), end.as_bytes()), "{root} {given}");
            let granted = Granted { perm_type: 0, key: found, range_end: found_end };
            assert_eq!(pattern(&tree, &granted), given);
        }
    }

    #[test]
    fn what_is_no_pattern_below_the_root_is_told_as_it_is() {
        let told = |root: &str, key: &[u8], end: &[u8]| {
            pattern(&Tree::new(root), &Granted { perm_type: 0, key: key.to_vec(), range_end: end.to_vec() })
        };
        assert_eq!(told("/", b"foo", b""), "[foo]");
        assert_eq!(told("/", b"/a", b"/c"), "[/a, /c)");
        assert_eq!(told("/", b"/a", b"\0"), "[/a, )");
        assert_eq!(told("/x", b"/y/", b"/y0"), "[/y/, /y0)");
        assert_eq!(told("/", b"\0", b"\0"), "[, )", "more than the root");
    }

    #[test]
    fn a_role_has_a_list_for_each_kind() {
        let granted = |perm_type: PermissionType, key: &str| Granted {
            perm_type: perm_type as i32,
            key: key.into(),
            range_end: vec![],
        };
        let permissions = [
            granted(PermissionType::Read, "/r"),
            granted(PermissionType::Write, "/w"),
            granted(PermissionType::ReadWrite, "/b"),
        ];
        assert_eq!(
            to_json(&Tree::new("/"), "app", &permissions),
            r#"{"role":"app","permissions":{"kv":{"read":["/r","/b"],"write":["/w","/b"]}}}"#
        );
    }
}
