//! Which errors a function has, from the line of its comment that begins with "Errors:".

use crate::header::{Entry, Header};
use crate::text::{Block, blocks, first_sentence};

#[derive(Default, Clone)]
pub struct Errors {
    /// A code, and what the comment says of it.
    pub own: Vec<(u32, String)>,
    /// Whether those of every call come with them.
    pub with_common: bool,
    /// What the comment says besides.
    pub remark: String,
}

/// A code as the header defines it.
pub struct Code<'a> {
    pub name: &'a str,
    pub number: u32,
    pub meaning: &'a str,
}

pub fn codes(header: &Header) -> Vec<Code<'_>> {
    let constants = header.entries().filter(|(_, entry)| entry.name.starts_with("ETCD_ERROR_"));
    let codes = constants.filter_map(|(_, entry)| {
        let number = entry.declaration.rsplit(' ').next()?.parse().ok()?;
        Some(Code { name: &entry.name, number, meaning: &entry.doc })
    });
    codes.collect()
}

pub fn of(header: &Header, entry: &Entry) -> Errors {
    let line = blocks(&entry.doc).into_iter().find_map(|block| match block {
        Block::Paragraph(text) => text.strip_prefix("Errors: ").map(str::to_owned),
        _ => None,
    });
    let Some(line) = line else { return Errors::default() };
    let other = line.strip_prefix("as for `").and_then(|rest| rest.split('`').next());
    let other = other.and_then(|name| header.function(name)).filter(|other| other.name != entry.name);
    if let Some(other) = other {
        let mut errors = of(header, other);
        errors.remark = format!("{} {}", remark(&line), errors.remark).trim().to_owned();
        return errors;
    }
    Errors {
        own: numbers(first_sentence(&line)),
        with_common: line.contains("those of every call"),
        remark: remark(&line),
    }
}

/// The errors of every call, from the conventions.
pub fn common(header: &Header) -> Vec<u32> {
    let text = header.conventions.replace('\n', " ");
    let line = text.split("Errors of every call: ").nth(1).unwrap_or_default();
    let line = line.split(". ").next().unwrap_or_default();
    let known: Vec<u32> = codes(header).iter().map(|code| code.number).collect();
    let words: Vec<Option<u32>> =
        line.split(' ').map(|word| word.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok()).collect();
    let is_range = |i: usize| line.split(' ').nth(i) == Some("to");
    let mut found = Vec::new();
    for (i, word) in words.iter().enumerate() {
        match (word, i.checked_sub(2).and_then(|from| words[from])) {
            (Some(to), Some(from)) if is_range(i - 1) => found.extend(from + 1..=*to),
            (Some(number), _) => found.push(*number),
            (None, _) => {}
        }
    }
    found.retain(|number| known.contains(number));
    found
}

fn remark(line: &str) -> String {
    line[first_sentence(line).len()..].trim_start_matches(['.', ';']).trim().to_owned()
}

/// The codes outside of brackets, each with what stands in the brackets behind it.
fn numbers(sentence: &str) -> Vec<(u32, String)> {
    let mut found: Vec<(u32, String)> = Vec::new();
    let (mut depth, mut word, mut note) = (0, String::new(), String::new());
    for c in sentence.chars().chain([' ']) {
        match c {
            '(' => {
                depth += 1;
                if depth > 1 {
                    note.push(c);
                }
            }
            ')' => {
                depth -= 1;
                if depth > 0 {
                    note.push(c);
                } else if let Some((_, text)) = found.last_mut().filter(|(_, text)| text.is_empty()) {
                    *text = std::mem::take(&mut note);
                }
            }
            _ if depth > 0 => note.push(c),
            _ if c.is_ascii_digit() => word.push(c),
            _ => {
                if let Ok(number) = std::mem::take(&mut word).parse::<u32>() {
                    found.push((number, String::new()));
                }
            }
        }
    }
    found.retain(|(number, _)| *number >= 100);
    found
}
