//! `etcd.h` taken apart: its conventions, and its sections with all that is declared in them.

/// The whole header.
pub struct Header {
    pub version: String,
    /// The text of its first comment, without the line that names the file.
    pub conventions: String,
    pub sections: Vec<Section>,
}

pub struct Section {
    pub title: String,
    pub text: String,
    pub entries: Vec<Entry>,
}

/// A function, a type or a constant.
pub struct Entry {
    pub name: String,
    pub kind: Kind,
    pub doc: String,
    /// In one line, without attributes and what follows.
    pub declaration: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Function,
    Type,
    Constant,
}

/// What stands before a declaration and is none of its types.
const ATTRIBUTES: [&str; 2] = ["ETCD_MUST_USE", "ETCD_DEPRECATED"];

const SECTION: &str = "\n/* ==== ";

impl Header {
    pub fn parse(text: &str) -> Header {
        let mut parts = text.split(SECTION);
        let preamble = parts.next().expect("a split has a first piece");
        let comment = preamble.split("*/").next().unwrap_or_default();
        let comment = stripped(comment.trim_start_matches("/*\n"));
        let (_, conventions) = comment.split_once("Conventions\n\n").expect("the preamble has its conventions");
        let version = preamble.split("#define ETCD_VERSION \"").nth(1).and_then(|rest| rest.split('"').next());
        Header {
            version: version.expect("the header has a version").to_owned(),
            conventions: conventions.to_owned(),
            sections: parts.map(Section::parse).collect(),
        }
    }

    pub fn entries(&self) -> impl Iterator<Item = (&Section, &Entry)> {
        self.sections.iter().flat_map(|section| section.entries.iter().map(move |entry| (section, entry)))
    }

    /// The functions, each with its section.
    pub fn functions(&self) -> impl Iterator<Item = (&Section, &Entry)> {
        self.entries().filter(|(_, entry)| entry.kind == Kind::Function)
    }

    pub fn function(&self, name: &str) -> Option<&Entry> {
        self.functions().map(|(_, entry)| entry).find(|entry| entry.name == name)
    }
}

impl Section {
    fn parse(text: &str) -> Section {
        let (title, rest) = text.split_once(" ===").expect("a section's title is underlined");
        let (_, rest) = rest.split_once('\n').expect("a section has more than its title");
        let (comment, mut rest) = rest.split_once("*/\n").expect("a section's comment ends");
        let mut entries = Vec::new();
        while let Some((_, after)) = rest.split_once("/**") {
            let (doc, after) = after.split_once("*/\n").expect("a comment ends");
            let end = if after.starts_with('#') { '\n' } else { ';' };
            let (declaration, after) = after.split_once(end).expect("a declaration ends");
            entries.push(Entry::parse(doc, declaration));
            rest = after;
        }
        Section { title: title.to_owned(), text: stripped(comment), entries }
    }

    /// What it is called in the names of files, by its first word: "The cluster" is `cluster`.
    pub fn short_name(&self) -> String {
        if self.title == "Configuration" {
            return "config".to_owned(); // as the settings are called elsewhere
        }
        let title = self.title.to_lowercase();
        let words = title.trim_start_matches("the ").split(|c: char| !c.is_ascii_alphanumeric());
        words.take(1).collect()
    }

    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.kind == kind)
    }
}

impl Entry {
    fn parse(doc: &str, declaration: &str) -> Entry {
        let words = declaration.split_whitespace().filter(|word| !ATTRIBUTES.contains(word));
        let words = words.collect::<Vec<_>>().join(" ").replace("( ", "(");
        let last = |text: &str| text.rsplit([' ', '*']).next().unwrap_or_default().to_owned();
        let (kind, name) = if let Some(define) = words.strip_prefix("#define ") {
            (Kind::Constant, define.split(' ').next().unwrap_or_default().to_owned())
        } else if words.starts_with("typedef ") {
            let name = words.split_once("(*").map_or_else(|| last(&words), |(_, rest)| until(rest, ')'));
            (Kind::Type, name)
        } else {
            (Kind::Function, last(&until(&words, '(')))
        };
        Entry { name, kind, doc: stripped(doc), declaration: words }
    }

    /// The names of a function's parameters, without their types.
    pub fn parameters(&self) -> Vec<&str> {
        let (_, list) = self.declaration.split_once('(').unwrap_or_default();
        let names = list.trim_end_matches(')').split(',').filter_map(|one| one.rsplit([' ', '*']).next());
        names.filter(|name| *name != "void" && !name.is_empty()).collect()
    }

    /// Of which function it is another name.
    pub fn same_as(&self) -> Option<&str> {
        self.doc.strip_prefix("The same as `")?.split('`').next()
    }
}

fn until(text: &str, end: char) -> String {
    text.split(end).next().unwrap_or_default().to_owned()
}

/// A comment without its stars.
fn stripped(comment: &str) -> String {
    let lines = comment.lines().map(|line| {
        let line = line.trim_start().strip_prefix('*').unwrap_or(line.trim());
        line.strip_prefix(' ').unwrap_or(line).trim_end()
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}
