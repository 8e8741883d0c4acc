//! The text of a comment as blocks, and a block's text as pieces.

/// What a comment is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    Paragraph(String),
    /// A term and what is said of it.
    Term(String, String),
    Bullet(String),
    Numbered(String, String),
    Code(Vec<String>),
}

/// A part of a line.
pub enum Piece<'a> {
    Plain(&'a str),
    /// What stands in backticks.
    Code(&'a str),
}

/// Takes a text apart: paragraphs, lists with `- ` or numbers, and code that is indented by four.
pub fn blocks(text: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut is_after_blank = true;
    for line in text.lines() {
        if line.is_empty() {
            is_after_blank = true;
            if let Some(Block::Code(lines)) = found.last_mut() {
                lines.push(String::new());
            }
            continue;
        }
        let is_code = line.starts_with("    ") && (is_after_blank || matches!(found.last(), Some(Block::Code(_))));
        match found.last_mut() {
            Some(Block::Code(lines)) if is_code => lines.push(line[4..].to_owned()),
            _ if is_code => found.push(Block::Code(vec![line[4..].to_owned()])),
            last => match item(line) {
                Some(block) => found.push(block),
                None => match last.filter(|_| !is_after_blank).and_then(Block::text) {
                    Some(text) => *text = format!("{text} {}", line.trim()),
                    None => found.push(Block::Paragraph(line.trim().to_owned())),
                },
            },
        }
        is_after_blank = false;
    }
    found.into_iter().map(Block::finished).collect()
}

/// The beginning of an item of a list.
fn item(line: &str) -> Option<Block> {
    if let Some(text) = line.strip_prefix("- ") {
        return Some(Block::Bullet(text.to_owned()));
    }
    let (number, text) = line.split_once(". ")?;
    let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    is_number.then(|| Block::Numbered(number.to_owned(), text.trim().to_owned()))
}

impl Block {
    /// What a further line belongs to.
    fn text(&mut self) -> Option<&mut String> {
        match self {
            Block::Paragraph(text) | Block::Bullet(text) | Block::Numbered(_, text) | Block::Term(_, text) => {
                Some(text)
            }
            Block::Code(_) => None,
        }
    }

    /// Once all of its lines are there: an item that opens with a name and a colon has a term.
    fn finished(self) -> Block {
        match self {
            Block::Bullet(text) => match term(&text) {
                Some((term, rest)) => Block::Term(term.to_owned(), rest.to_owned()),
                None => Block::Bullet(text),
            },
            Block::Code(mut lines) => {
                while lines.last().is_some_and(String::is_empty) {
                    lines.pop();
                }
                Block::Code(lines)
            }
            other => other,
        }
    }
}

/// "`a`, `b` (default): meaning" in two.
fn term(text: &str) -> Option<(&str, &str)> {
    if !text.starts_with('`') {
        return None;
    }
    let (mut in_code, mut depth) = (false, 0);
    for (at, c) in text.char_indices() {
        match c {
            '`' => in_code = !in_code,
            '(' => depth += 1,
            ')' => depth -= 1,
            ':' if !in_code && depth == 0 => return Some((&text[..at], text[at + 1..].trim_start())),
            _ => {}
        }
    }
    None
}

pub fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let pieces = text.split('`').enumerate().filter(|(_, piece)| !piece.is_empty());
    pieces.map(|(i, piece)| if i % 2 == 1 { Piece::Code(piece) } else { Piece::Plain(piece) })
}

/// The first sentence, without its full stop.
pub fn first_sentence(text: &str) -> &str {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            '.' | ';' if depth == 0 && text[at + 1..].chars().next().is_none_or(|next| next == ' ') => {
                return &text[..at];
            }
            _ => {}
        }
    }
    text
}
