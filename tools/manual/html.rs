//! The same manual as HTML: a page for each function and section, one of conventions, one of errors, and an index of all.

use crate::errors::{self, Code};
use crate::example;
use crate::function::{Function, summary};
use crate::header::{Entry, Header, Kind, Section};
use crate::man::{is_of_errors, without_since};
use crate::text::{Block, Piece, blocks, pieces};

pub struct Site<'a> {
    pub header: &'a Header,
    pub functions: Vec<Function<'a>>,
}

const STYLE: &str = "body{max-width:50em;margin:1em auto;padding:0 1em;font:16px/1.5 sans-serif;color:#222}\n\
    code,pre{font:14px/1.45 monospace;background:#f3f3f3}\npre{padding:.7em;overflow-x:auto}\n\
    dt{margin-top:.5em}\nh2{border-bottom:1px solid #ccc}\nnav{color:#666}\n\
    @media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}code,pre{background:#292929}a{color:#8bf}}\n";

/// Nothing needs it: the index has all functions on one page, which a browser searches. It hides what does not match.
const FILTER: &str = "<script>\nconst box = document.createElement('input');\nbox.placeholder = 'filter';\n\
    box.oninput = () => document.querySelectorAll('main dt').forEach(term => {\n\
    \x20 const text = term.textContent + term.nextElementSibling.textContent;\n\
    \x20 term.hidden = term.nextElementSibling.hidden = !text.toLowerCase().includes(box.value.toLowerCase());\n});\n\
    document.querySelector('nav').append(' ', box);\n</script>\n";

impl Site<'_> {
    /// Each page: its name and its text.
    pub fn pages(&self) -> Vec<(String, String)> {
        let mut pages = vec![
            ("style.css".to_owned(), STYLE.to_owned()),
            self.index(),
            self.page("conventions", "Conventions", &self.blocks(&blocks(&self.header.conventions))),
            self.page("errors", "Errors", &self.codes(errors::codes(self.header).iter().map(|code| (code, "")))),
        ];
        let sections = self.header.sections.iter().filter(|section| !is_of_errors(section));
        pages.extend(sections.map(|section| self.section(section)));
        for function in &self.functions {
            pages.push(self.page(&function.entry.name, &function.entry.name, &self.function(function)));
            for alias in &function.aliases {
                let same = self.blocks(&[Block::Paragraph(without_since(&alias.doc))]);
                pages.push(self.page(&alias.name, &alias.name, &format!("{}{same}", declaration(alias))));
            }
        }
        pages
    }

    fn index(&self) -> (String, String) {
        let mut body = format!(
            "<p>The functions of libetcd {}, by section. <a href=\"conventions.html\">Conventions</a> that all of them \
             share; <a href=\"errors.html\">errors</a>.</p>\n",
            escaped(&self.header.version)
        );
        for section in self.header.sections.iter().filter(|section| !is_of_errors(section)) {
            body += &format!("<h2><a href=\"{}\">{}</a></h2>\n", address(section), escaped(&section.title));
            body += &list(section);
        }
        self.page("index", "libetcd", &format!("{body}{FILTER}"))
    }

    fn section(&self, section: &Section) -> (String, String) {
        let mut body = self.blocks(&blocks(&section.text));
        for (title, kind) in [("Types", Kind::Type), ("Constants", Kind::Constant)] {
            let entries: Vec<&Entry> = section.of_kind(kind).collect();
            if !entries.is_empty() {
                body += &format!("<h2>{title}</h2>\n<dl>\n");
            }
            for entry in &entries {
                let shown = if kind == Kind::Type { &entry.declaration } else { &entry.name };
                let text = self.inline(&without_since(&entry.doc));
                body += &format!("<dt><code>{}</code></dt><dd>{text}</dd>\n", escaped(shown));
            }
            if !entries.is_empty() {
                body += "</dl>\n";
            }
        }
        body += "<h2>Functions</h2>\n";
        body += &list(section);
        self.page(address(section).trim_end_matches(".html"), &section.title, &body)
    }

    fn function(&self, function: &Function) -> String {
        let mut body = declaration(function.entry);
        body += &self.blocks(&function.description);
        let mut part = |title: &str, text: String| {
            if !text.is_empty() {
                body += &format!("<h2>{title}</h2>\n{text}");
            }
        };
        let paragraph =
            |text: &str| if text.is_empty() { String::new() } else { format!("<p>{}</p>\n", self.inline(text)) };
        part("Arguments", self.blocks(&function.arguments));
        part("Return value", paragraph(&function.returns));
        let codes = errors::codes(self.header);
        let own = function.errors.own.iter();
        let own =
            own.filter_map(|(number, note)| Some((codes.iter().find(|code| code.number == *number)?, note.as_str())));
        let mut errors = if function.errors.own.is_empty() { String::new() } else { self.codes(own) };
        if function.errors.with_common {
            errors += "<p>And <a href=\"conventions.html\">the errors of every call</a>: ";
            let names = errors::common(self.header);
            let names = names.iter().filter_map(|number| codes.iter().find(|code| code.number == *number));
            let links = names.map(|code| format!("<a href=\"errors.html#{0}\">{0}</a>", code.name));
            errors += &format!("{}.</p>\n", links.collect::<Vec<_>>().join(", "));
        }
        part("Errors", errors + &paragraph(&function.errors.remark));
        part("etcd", paragraph(&function.request));
        part("Example", self.blocks(&example::of(function, &self.functions)));
        let mut others: Vec<String> = function.aliases.iter().map(|alias| link(&alias.name)).collect();
        others.extend(function.mentioned(self.header).iter().map(|name| link(name)));
        others.push(format!("<a href=\"{}\">{}</a>", address(function.section), escaped(&function.section.title)));
        part("See also", format!("<p>{}</p>\n", others.join(", ")));
        let since =
            if function.since.is_empty() { String::new() } else { format!("Since libetcd {}.", function.since) };
        part("History", paragraph(&since));
        body
    }

    fn codes<'c>(&self, codes: impl Iterator<Item = (&'c Code<'c>, &'c str)>) -> String {
        let mut text = "<dl>\n".to_owned();
        for (code, note) in codes {
            let note = if note.is_empty() { String::new() } else { format!(" Here: {}.", self.inline(note)) };
            let (name, number, meaning) = (code.name, code.number, self.inline(code.meaning));
            text += &format!("<dt id=\"{name}\"><code>{name}</code> ({number})</dt><dd>{meaning}{note}</dd>\n");
        }
        text + "</dl>\n"
    }

    fn blocks(&self, blocks: &[Block]) -> String {
        let (mut text, mut open) = (String::new(), "");
        for block in blocks {
            let (list, line) = match block {
                Block::Paragraph(text) => ("", format!("<p>{}</p>\n", self.inline(text))),
                Block::Code(lines) => ("", format!("<pre>{}</pre>\n", escaped(&lines.join("\n")))),
                Block::Term(term, text) => {
                    ("dl", format!("<dt>{}</dt><dd>{}</dd>\n", self.inline(term), self.inline(text)))
                }
                Block::Bullet(text) => ("ul", format!("<li>{}</li>\n", self.inline(text))),
                Block::Numbered(_, text) => ("ol", format!("<li>{}</li>\n", self.inline(text))),
            };
            text += &change(open, list);
            open = list;
            text += &line;
        }
        text + &change(open, "")
    }

    fn inline(&self, text: &str) -> String {
        let shown = pieces(text).map(|piece| match piece {
            Piece::Plain(text) => escaped(text),
            Piece::Code(code) if self.header.function(code).is_some() => link(code),
            Piece::Code(code) => format!("<code>{}</code>", escaped(code)),
        });
        shown.collect()
    }

    fn page(&self, name: &str, title: &str, body: &str) -> (String, String) {
        let (title, version) = (escaped(title), escaped(&self.header.version));
        let text = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title} - libetcd {version}</title>\n\
             <link rel=\"stylesheet\" href=\"style.css\">\n<nav><a href=\"index.html\">libetcd {version}</a></nav>\n\
             <main>\n<h1>{title}</h1>\n{body}</main>\n</html>\n"
        );
        (format!("{name}.html"), text)
    }
}

/// Ends one kind of list and begins another.
fn change(open: &str, next: &str) -> String {
    if open == next {
        return String::new();
    }
    let end = if open.is_empty() { String::new() } else { format!("</{open}>\n") };
    let begin = if next.is_empty() { String::new() } else { format!("<{next}>\n") };
    end + &begin
}

fn list(section: &Section) -> String {
    let mut text = "<dl>\n".to_owned();
    for entry in section.of_kind(Kind::Function) {
        let summary = match entry.same_as() {
            Some(original) => format!("the same as {original}"),
            None => summary(&entry.doc),
        };
        text += &format!("<dt>{}</dt><dd>{}</dd>\n", link(&entry.name), escaped(&summary));
    }
    text + "</dl>\n"
}

fn address(section: &Section) -> String {
    format!("section-{}.html", section.short_name())
}

fn link(function: &str) -> String {
    format!("<a href=\"{function}.html\"><code>{function}</code></a>")
}

fn declaration(entry: &Entry) -> String {
    let text =
        entry.declaration.replace(", ", &format!(",\n{}", " ".repeat(entry.declaration.find('(').unwrap_or(0) + 1)));
    let text = if entry.declaration.len() > 80 { text } else { entry.declaration.clone() };
    format!("<pre>#include &lt;etcd.h&gt;\n\n{};</pre>\n", escaped(&text))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
