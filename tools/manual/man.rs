//! The manual pages: one for each function and each section of the header, one for the conventions and one for the errors.

use crate::errors;
use crate::example;
use crate::function::{Function, summary};
use crate::header::{Entry, Header, Kind, Section};
use crate::roff::{Page, escaped, in_font};
use crate::text::{Block, blocks};

pub struct Manual<'a> {
    pub header: &'a Header,
    pub functions: Vec<Function<'a>>,
    /// The day that the pages bear.
    pub date: &'a str,
}

impl Manual<'_> {
    /// Each page: its path below a folder of manual pages, and its text.
    pub fn pages(&self) -> Vec<(String, String)> {
        let mut pages = vec![self.conventions(), self.errors()];
        pages.extend(self.header.sections.iter().filter_map(|section| self.section(section)));
        for function in &self.functions {
            // Another name has the same page: `.so` is found in some places only.
            let page = self.function(function);
            pages.extend(function.names().into_iter().map(|name| (format!("man3/{name}.3"), page.clone())));
        }
        pages
    }

    fn function(&self, function: &Function) -> String {
        let parameters = function.entry.parameters();
        let style = |code: &str| self.styled(code, &parameters);
        let mut page = self.page(&function.names(), 3, &function.summary());
        library(&mut page);
        page.section("SYNOPSIS");
        page.line(".nf");
        page.line(".B #include <etcd.h>");
        for entry in std::iter::once(function.entry).chain(function.aliases.iter().copied()) {
            page.line(".PP");
            prototype(&mut page, entry);
        }
        page.line(".fi");
        page.section("DESCRIPTION");
        page.blocks(&function.description, &style);
        if !function.arguments.is_empty() {
            page.section("ARGUMENTS");
            page.blocks(&function.arguments, &style);
        }
        if !function.returns.is_empty() {
            page.section("RETURN VALUE");
            page.fill(&function.returns, &style);
        }
        self.errors_of(&mut page, function, &style);
        if !function.request.is_empty() {
            page.section("ETCD");
            page.fill(&format!("The request to etcd: {}.", function.request), &style);
        }
        page.section("EXAMPLES");
        page.blocks(&example::of(function, &self.functions), &style);
        if !function.since.is_empty() {
            page.section("HISTORY");
            page.fill(&format!("Since libetcd {}.", function.since), &style);
        }
        let mut others: Vec<String> = function.mentioned(self.header).iter().map(|name| format!("{name} 3")).collect();
        others.push(address(function.section));
        others.extend(["libetcd 7".to_owned(), "libetcd-errors 7".to_owned()]);
        see_also(&mut page, &others);
        page.finish()
    }

    fn errors_of(&self, page: &mut Page, function: &Function, style: &dyn Fn(&str) -> String) {
        let errors = &function.errors;
        if errors.own.is_empty() && !errors.with_common && errors.remark.is_empty() {
            return;
        }
        page.section("ERRORS");
        let codes = errors::codes(self.header);
        for (number, note) in &errors.own {
            let Some(code) = codes.iter().find(|code| code.number == *number) else { continue };
            page.line(".TP");
            page.line(&format!(".BR {} \" ({number})\"", code.name));
            let text =
                if note.is_empty() { code.meaning.to_owned() } else { format!("{} Here: {note}.", code.meaning) };
            page.fill(&text, style);
        }
        if errors.with_common {
            if !errors.own.is_empty() {
                page.line(".PP");
            }
            page.fill(if errors.own.is_empty() { "Those of every call:" } else { "And those of every call:" }, style);
            for number in errors::common(self.header) {
                let Some(code) = codes.iter().find(|code| code.number == number) else { continue };
                if errors.own.iter().any(|(own, _)| *own == number) {
                    continue;
                }
                page.line(".TP");
                page.line(&format!(".BR {} \" ({number})\"", code.name));
                page.fill(code.meaning, style);
            }
        }
        if !errors.remark.is_empty() {
            page.line(".PP");
            page.fill(&errors.remark, style);
        }
    }

    /// A section with its text, its types, constants and functions. The errors have a page of another kind.
    fn section(&self, section: &Section) -> Option<(String, String)> {
        if is_of_errors(section) {
            return None;
        }
        let (name, number) = place(section);
        let style = |code: &str| self.styled(code, &[]);
        let mut page = self.page(&[&name], number, &format!("{} (libetcd)", section.title.to_lowercase()));
        library(&mut page);
        page.section("SYNOPSIS");
        page.line(".nf");
        page.line(".B #include <etcd.h>");
        for entry in section.of_kind(Kind::Type) {
            page.line(".PP");
            page.line(&format!(".B {};", escaped(&entry.declaration)));
        }
        page.line(".fi");
        page.section("DESCRIPTION");
        page.blocks(&blocks(&section.text), &style);
        let (types, constants) = (section.of_kind(Kind::Type), section.of_kind(Kind::Constant));
        for (title, entries) in [("Types", types.collect::<Vec<_>>()), ("Constants", constants.collect())] {
            if !entries.is_empty() {
                page.subsection(title);
            }
            for entry in entries {
                page.line(".TP");
                page.line(&format!(".B {}", escaped(&entry.name)));
                page.fill(&without_since(&entry.doc), &style);
            }
        }
        page.subsection("Functions");
        list(&mut page, section);
        see_also(&mut page, &["libetcd 7".to_owned(), "libetcd-errors 7".to_owned()]);
        Some((format!("man{number}/{name}.{number}"), page.finish()))
    }

    fn conventions(&self) -> (String, String) {
        let style = |code: &str| self.styled(code, &[]);
        let mut page = self.page(&["libetcd"], 7, "a client for etcd, its v2 and its v3 API, as a C library");
        library(&mut page);
        page.section("SYNOPSIS");
        page.line(".nf");
        page.line(".B #include <etcd.h>");
        page.line(".PP");
        page.line(".B cc hello.c $(pkg\\-config \\-\\-cflags \\-\\-libs etcd)");
        page.line(".fi");
        page.section("DESCRIPTION");
        page.blocks(&blocks(&self.header.conventions), &style);
        page.section("FUNCTIONS");
        let sections = self.header.sections.iter().filter(|section| !is_of_errors(section));
        for section in sections.clone() {
            page.subsection(&escaped(&section.title));
            list(&mut page, section);
        }
        let mut others: Vec<String> = sections.map(address).collect();
        others.push("libetcd-errors 7".to_owned());
        see_also(&mut page, &others);
        ("man7/libetcd.7".to_owned(), page.finish())
    }

    fn errors(&self) -> (String, String) {
        let style = |code: &str| self.styled(code, &[]);
        let mut page = self.page(&["libetcd-errors"], 7, "the error codes of libetcd");
        library(&mut page);
        page.section("DESCRIPTION");
        page.fill("A call's text is a result or an error; `etcd_error_code` returns its code, or 0.", &style);
        for code in errors::codes(self.header) {
            page.line(".TP");
            page.line(&format!(".BR {} \" ({})\"", code.name, code.number));
            page.fill(code.meaning, &style);
        }
        see_also(&mut page, &["etcd_error_code 3".to_owned(), "libetcd 7".to_owned()]);
        ("man7/libetcd-errors.7".to_owned(), page.finish())
    }

    fn page(&self, names: &[&str], number: u8, summary: &str) -> Page {
        let mut page = Page::new(names[0], number, self.date, &self.header.version);
        page.section("NAME");
        page.line(&format!("{} \\-", escaped(&names.join(", "))));
        page.fill(summary, &|code| escaped(code));
        page
    }

    fn styled(&self, code: &str, parameters: &[&str]) -> String {
        if self.header.function(code).is_some() {
            format!("{}(3)", in_font('B', code))
        } else if parameters.contains(&code) {
            in_font('I', code)
        } else {
            in_font('B', code)
        }
    }
}

pub fn is_of_errors(section: &Section) -> bool {
    section.title == "Error codes"
}

/// What an entry's comment says, less the line on its age.
pub fn without_since(doc: &str) -> String {
    let blocks = blocks(doc).into_iter().filter_map(|block| match block {
        Block::Paragraph(text) if !text.starts_with("Since: ") => Some(text),
        _ => None,
    });
    blocks.collect::<Vec<_>>().join(" ")
}

/// The name of a section's page, and where in the manual it stands: the settings are a file's format, nearly.
fn place(section: &Section) -> (String, u8) {
    let name = section.short_name();
    let number = if name == "config" { 5 } else { 7 };
    (format!("libetcd-{name}"), number)
}

fn address(section: &Section) -> String {
    let (name, number) = place(section);
    format!("{name} {number}")
}

fn library(page: &mut Page) {
    page.section("LIBRARY");
    page.line("The client library of etcd");
    page.line(".RI ( libetcd ,");
    page.line(".BR \\-letcd )");
}

/// The functions of a section, each with a few words.
fn list(page: &mut Page, section: &Section) {
    for entry in section.of_kind(Kind::Function) {
        page.line(".TP");
        page.line(&format!(".BR {} (3)", entry.name));
        let text = match entry.same_as() {
            Some(original) => format!("the same as {original}"),
            None => summary(&entry.doc),
        };
        page.fill(&text, &|code| escaped(code));
    }
}

fn see_also(page: &mut Page, others: &[String]) {
    let mut others = others.to_vec();
    others.sort_by_key(|other| other.split(' ').rev().map(str::to_owned).collect::<Vec<_>>());
    page.section("SEE ALSO");
    for (i, other) in others.iter().enumerate() {
        let (name, number) = other.split_once(' ').expect("a name and its section");
        let comma = if i + 1 < others.len() { "," } else { "" };
        page.line(&format!(".BR {} ({number}){comma}", escaped(name)));
    }
}

/// A function's declaration, a parameter to a line where they are many.
fn prototype(page: &mut Page, entry: &Entry) {
    let (before, list) = entry.declaration.split_once('(').expect("a function has parentheses");
    let list: Vec<&str> = list.trim_end_matches(')').split(", ").collect();
    let is_long = entry.declaration.len() > 72;
    let mut line = format!(".BI \"{}(", escaped(before));
    for (i, parameter) in list.iter().enumerate() {
        let name = parameter.rsplit([' ', '*']).next().unwrap_or_default();
        let (kind, end) = (&parameter[..parameter.len() - name.len()], if i + 1 == list.len() { ");" } else { "," });
        if *parameter == "void" {
            line += "void);\"";
            break;
        }
        line += &format!("{kind}\" {name} \"{end}");
        if i + 1 < list.len() {
            line += if is_long { "\"" } else { " " };
        } else {
            line += "\"";
        }
        if is_long && i + 1 < list.len() {
            page.line(&std::mem::replace(&mut line, format!(".BI \"{}", " ".repeat(before.len() + 1))));
        }
    }
    page.line(&line);
}
