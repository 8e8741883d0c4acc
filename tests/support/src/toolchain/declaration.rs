//! The header's functions, and types of functions, as their comments describe them.

use std::collections::BTreeMap;

pub struct Declaration {
    /// The comment's text.
    pub doc: String,
    /// Without its attribute.
    pub declaration: String,
    /// Whether a compiler warns where its result is dropped.
    pub must_use: bool,
}

const MUST_USE: &str = "ETCD_MUST_USE";

/// What stands before a declaration, in this order.
const ATTRIBUTES: [&str; 2] = [MUST_USE, "ETCD_DEPRECATED"];

/// All that is declared with a comment right before it.
pub fn declarations(header: &str) -> BTreeMap<String, Declaration> {
    let mut found = BTreeMap::new();
    for block in header.split("\n/**\n").skip(1) {
        let Some((comment, rest)) = block.split_once("\n */\n") else { continue };
        let Some((declaration, _)) = rest.split_once(';').filter(|_| !rest.starts_with('#')) else { continue };
        let must_use = declaration.contains(MUST_USE);
        let declaration = ATTRIBUTES.iter().fold(declaration, |rest, name| rest.trim_start_matches(name).trim_start());
        let Some((before, after)) = declaration.split_once('(') else { continue }; // an opaque type
        // `char *etcd_get(...)`, or `typedef void (*etcd_log_fn)(...)`
        let name = match after.strip_prefix('*') {
            Some(of_type) => of_type.split(')').next(),
            None => before.rsplit([' ', '*']).next(),
        };
        let name = name.expect("a text has a first and a last piece").to_owned();
        let doc: Vec<&str> = comment.lines().map(|line| line.strip_prefix(" * ").unwrap_or_default()).collect();
        found.insert(name, Declaration { doc: doc.join("\n"), declaration: format!("{declaration};"), must_use });
    }
    found
}

impl Declaration {
    pub fn is_type(&self) -> bool {
        self.declaration.starts_with("typedef")
    }

    /// The names, without their types.
    pub fn parameters(&self) -> Vec<&str> {
        let (_, list) = self.declaration.split_once('(').expect("a function has parentheses");
        let names = list.trim_end_matches(");").split(',').filter_map(|parameter| parameter.rsplit([' ', '*']).next());
        names.filter(|name| *name != "void").collect()
    }

    /// What it asks of etcd; empty if nothing.
    pub fn endpoint(&self) -> String {
        let after = self.doc.split("\netcd: ").nth(1).unwrap_or_default();
        after.split("\n\n").next().unwrap_or_default().replace('\n', " ")
    }

    /// Of which function it is another name.
    pub fn same_as(&self) -> Option<&str> {
        self.doc.strip_prefix("The same as `")?.split('`').next()
    }
}
