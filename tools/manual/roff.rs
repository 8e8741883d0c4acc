//! Text in the language of `man(7)`: escaped, in lines of at most 80 bytes, in macros.

use crate::text::{Block, Piece, pieces};

/// The longest line that `mandoc -Tlint` has nothing to say about, less what a continuation takes.
const WIDTH: usize = 76;

/// A word that may not fit into what is left of a line.
const LONG: usize = 25;

/// A page as it grows.
pub struct Page {
    text: String,
}

/// How a name in backticks is shown.
pub type Style<'a> = &'a dyn Fn(&str) -> String;

impl Page {
    pub fn new(name: &str, section: u8, date: &str, version: &str) -> Page {
        let name = name.to_uppercase();
        let text = format!(".TH {name} {section} {date} \"libetcd {version}\" \"Manual of libetcd\"\n");
        // Names are not to be hyphenated, and long ones leave nothing to stretch.
        Page { text: text + ".nh\n.ad l\n" }
    }

    pub fn section(&mut self, title: &str) {
        self.line(&format!(".SH {title}"));
    }

    pub fn subsection(&mut self, title: &str) {
        self.line(&format!(".SS {title}"));
    }

    /// A macro, or a line that is escaped already.
    pub fn line(&mut self, line: &str) {
        self.text += line;
        self.text += "\n";
    }

    pub fn blocks(&mut self, blocks: &[Block], style: Style) {
        for (i, block) in blocks.iter().enumerate() {
            if i > 0 && matches!(block, Block::Paragraph(_) | Block::Code(_)) {
                self.line(".PP");
            }
            match block {
                Block::Paragraph(text) => self.fill(text, style),
                Block::Term(term, text) => {
                    self.line(".TP");
                    self.fill(term, style);
                    self.fill(text, style);
                }
                Block::Bullet(text) => {
                    self.line(".IP \\(bu 2");
                    self.fill(text, style);
                }
                Block::Numbered(number, text) => {
                    self.line(&format!(".IP {number}. 4"));
                    self.fill(text, style);
                }
                Block::Code(lines) => self.code(lines),
            }
        }
    }

    fn code(&mut self, lines: &[String]) {
        self.line(".RS 4");
        self.line(".nf");
        for line in lines {
            // An empty line is no macro's business there, and mandoc's lint knows it.
            self.line(&if line.is_empty() { "\\&".to_owned() } else { guarded(&atoms(line, true).concat()) });
        }
        self.line(".fi");
        self.line(".RE");
    }

    /// A paragraph's text, broken where lines get too long.
    pub fn fill(&mut self, text: &str, style: Style) {
        let mut words: Vec<Vec<String>> = vec![Vec::new()];
        for piece in pieces(text) {
            let text = match piece {
                Piece::Plain(text) => atoms(text, false),
                // One atom for each of its own, so that it can be broken anywhere but in an escape.
                Piece::Code(text) => split_atoms(&style(text)),
            };
            for atom in text {
                if atom == " " {
                    words.push(Vec::new());
                } else {
                    words.last_mut().expect("there is always a word").push(atom);
                }
            }
        }
        let mut line = String::new();
        for word in words.into_iter().filter(|word| !word.is_empty()) {
            let length: usize = word.iter().map(String::len).sum();
            if !line.is_empty() && line.len() + 1 + length > WIDTH {
                self.line(&guarded(&std::mem::take(&mut line)));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            let is_long = word.len() > LONG;
            for mut atom in word {
                if is_long && [",", "&", "?"].contains(&atom.as_str()) {
                    atom += "\\:"; // the line may be broken here
                }
                if line.len() + atom.len() > WIDTH {
                    self.line(&guarded(&format!("{}\\c", std::mem::take(&mut line))));
                }
                line += &atom;
            }
        }
        if !line.is_empty() {
            self.line(&guarded(&line));
        }
    }

    pub fn finish(self) -> String {
        self.text
    }
}

/// Escaped, for the argument of a macro or a text that is laid out already.
pub fn escaped(text: &str) -> String {
    atoms(text, true).concat()
}

/// A text of a fixed kind of letter, escaped.
pub fn in_font(font: char, text: &str) -> String {
    format!("\\f{font}{}\\fR", escaped(text))
}

/// A line that begins with a dot or an apostrophe would be a macro.
fn guarded(line: &str) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() }
}

/// Each character as roff wants it. What is code keeps its signs as ASCII.
fn atoms(text: &str, is_code: bool) -> Vec<String> {
    let atom = |c: char| match c {
        '\\' => "\\e".to_owned(),
        '-' if is_code => "\\-".to_owned(),
        '\'' if is_code => "\\(aq".to_owned(),
        '`' => "\\(ga".to_owned(),
        '^' => "\\(ha".to_owned(),
        '~' => "\\(ti".to_owned(),
        _ => c.to_string(),
    };
    text.chars().map(atom).collect()
}

/// The characters and escapes of a text that is escaped already.
fn split_atoms(text: &str) -> Vec<String> {
    let mut atoms = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\\' if rest[1..].starts_with('(') => 4,
            '\\' if rest[1..].starts_with('f') => 3,
            '\\' => 2,
            _ => first.len_utf8(),
        };
        atoms.push(rest[..length].to_owned());
        rest = &rest[length..];
    }
    atoms
}
