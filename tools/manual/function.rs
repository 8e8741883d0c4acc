//! A function as its page shows it: the parts of its comment, each in its place.

use crate::errors::{self, Errors};
use crate::header::{Entry, Header, Section};
use crate::text::{Block, blocks, first_sentence};

pub struct Function<'a> {
    pub entry: &'a Entry,
    pub section: &'a Section,
    /// Other names of it.
    pub aliases: Vec<&'a Entry>,
    pub description: Vec<Block>,
    pub arguments: Vec<Block>,
    pub returns: String,
    pub errors: Errors,
    /// What it asks of etcd.
    pub request: String,
    pub since: String,
    pub example: Vec<Block>,
}

impl<'a> Function<'a> {
    /// Every function that is no other one's second name.
    pub fn all(header: &'a Header) -> Vec<Function<'a>> {
        let originals = header.functions().filter(|(_, entry)| entry.same_as().is_none());
        originals.map(|(section, entry)| Function::new(header, section, entry)).collect()
    }

    fn new(header: &'a Header, section: &'a Section, entry: &'a Entry) -> Function<'a> {
        let aliases = header.functions().map(|(_, other)| other);
        let mut function = Function {
            entry,
            section,
            aliases: aliases.filter(|other| other.same_as() == Some(&entry.name)).collect(),
            description: Vec::new(),
            arguments: Vec::new(),
            returns: String::new(),
            errors: errors::of(header, entry),
            request: String::new(),
            since: String::new(),
            example: Vec::new(),
        };
        let mut found = blocks(&entry.doc).into_iter().peekable();
        while let Some(block) = found.next() {
            let is_before_code = matches!(found.peek(), Some(Block::Code(_)));
            function.take(block, is_before_code);
        }
        function
    }

    fn take(&mut self, block: Block, is_before_code: bool) {
        match block {
            Block::Paragraph(text) if text.starts_with("Returns ") && !self.description.is_empty() => {
                self.returns = text
            }
            Block::Paragraph(text) if text.starts_with("Errors: ") => {}
            Block::Paragraph(text) if text.starts_with("etcd: ") => self.request = text["etcd: ".len()..].to_owned(),
            Block::Paragraph(text) if text.starts_with("Since: ") => self.since = text["Since: ".len()..].to_owned(),
            Block::Paragraph(text) if is_before_code && text.ends_with(':') => {
                self.example.push(Block::Paragraph(text))
            }
            Block::Code(lines) => self.example.push(Block::Code(lines)),
            Block::Term(term, text) if self.returns.is_empty() => self.arguments.push(Block::Term(term, text)),
            other => self.description.push(other),
        }
    }

    /// All its names, its own first.
    pub fn names(&self) -> Vec<&'a str> {
        let aliases = self.aliases.iter().map(|alias| alias.name.as_str());
        std::iter::once(self.entry.name.as_str()).chain(aliases).collect()
    }

    /// A few words on what it does, for a list.
    pub fn summary(&self) -> String {
        summary(&self.entry.doc)
    }

    /// The functions that its comment names, without itself.
    pub fn mentioned(&self, header: &Header) -> Vec<String> {
        let words = self.entry.doc.split('`').skip(1).step_by(2);
        let mut names: Vec<String> = words.filter(|word| header.function(word).is_some()).map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names.retain(|name| !self.names().contains(&name.as_str()));
        names
    }
}

/// The first sentence of a comment, as it stands in the middle of a line.
pub fn summary(doc: &str) -> String {
    let first = blocks(doc).into_iter().find_map(|block| match block {
        Block::Paragraph(text) => Some(text),
        _ => None,
    });
    let text = first.unwrap_or_default().replace('`', "");
    let sentence = first_sentence(&text);
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
