//! Walking the members of an object or the elements of an array, without descending into them.
//!
//! Only the punctuation between values is read here; the values themselves are checked and skipped.

use super::check;

/// The members of the object that `text` begins with, as (quoted name, value) texts.
/// Ends early where the text is no JSON.
pub fn members(text: &str) -> Option<Members<'_>> {
    let rest = text.trim_start_matches(WHITESPACE).strip_prefix('{')?;
    Some(Members { rest, first: true })
}

/// The elements of the array that `text` begins with. Ends early where the text is no JSON.
pub fn elements(text: &str) -> Option<Elements<'_>> {
    let rest = text.trim_start_matches(WHITESPACE).strip_prefix('[')?;
    Some(Elements { rest, first: true })
}

pub struct Members<'a> {
    rest: &'a str,
    first: bool,
}

pub struct Elements<'a> {
    rest: &'a str,
    first: bool,
}

const WHITESPACE: [char; 4] = [' ', '\t', '\n', '\r'];

impl<'a> Members<'a> {
    /// The next member's quoted name, leaving the walk in front of its value.
    pub fn name(&mut self) -> Option<&'a str> {
        self.rest = next_place(self.rest, &mut self.first, '}')?;
        let name = self.value()?;
        if !name.starts_with('"') {
            return None;
        }
        self.rest = self.rest.trim_start_matches(WHITESPACE).strip_prefix(':')?;
        Some(name)
    }

    /// The value the walk stands in front of.
    pub fn value(&mut self) -> Option<&'a str> {
        let (value, rest) = split_value(self.rest)?;
        self.rest = rest;
        Some(value)
    }

    /// All that is left of the text, from the value the walk stands in front of.
    pub fn rest(&self) -> &'a str {
        self.rest
    }

    /// Goes on behind a value that was walked through otherwise.
    pub fn go_on(&mut self, rest: &'a str) {
        self.rest = rest;
    }

    /// What follows the object, once all its members have been seen; `None` if it ended early.
    pub fn end(&self) -> Option<&'a str> {
        self.rest.trim_start_matches(WHITESPACE).strip_prefix('}')
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let name = self.name()?;
        Some((name, self.value()?))
    }
}

impl<'a> Elements<'a> {
    /// Goes to the next element without reading it; what is left of the text begins with it.
    pub fn start(&mut self) -> Option<&'a str> {
        self.rest = next_place(self.rest, &mut self.first, ']')?;
        Some(self.rest)
    }

    /// Goes on behind an element that was walked through otherwise.
    pub fn go_on(&mut self, rest: &'a str) {
        self.rest = rest;
    }

    /// What follows the array, once all its elements have been seen; `None` if it ended early.
    pub fn end(&self) -> Option<&'a str> {
        self.rest.trim_start_matches(WHITESPACE).strip_prefix(']')
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        let (value, rest) = split_value(self.start()?)?;
        self.rest = rest;
        Some(value)
    }
}

/// What follows the comma, or the opening bracket; `None` at the closing one.
fn next_place<'a>(rest: &'a str, first: &mut bool, close: char) -> Option<&'a str> {
    let rest = rest.trim_start_matches(WHITESPACE);
    if std::mem::take(first) {
        return if rest.starts_with(close) { None } else { Some(rest) };
    }
    rest.strip_prefix(',')
}

/// The next element of an array, or value of an object, of which `text` is the rest: it begins with the opening bracket,
/// or with the comma before. And how far it goes, with the space after it.
pub fn next_value(text: &str) -> Option<(&str, usize)> {
    let here = text.trim_start_matches(WHITESPACE);
    let (value, after) = split_value(here.strip_prefix(['[', '{', ','])?)?;
    let after = after.trim_start_matches(WHITESPACE);
    let (value, after) = match after.strip_prefix(':') {
        Some(member) => split_value(member)?,
        None if here.starts_with('{') => return None,
        None => (value, after),
    };
    let after = after.trim_start_matches(WHITESPACE);
    Some((value, text.len() - after.len()))
}

/// The value that `text` begins with, and what follows it.
pub(super) fn split_value(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches(WHITESPACE);
    let after = check::after_value(text.as_bytes())?;
    Some(text.split_at(text.len() - after.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_an_array_or_object_gives_its_next_value() {
        assert_eq!(next_value(r#" [ {"a":[1,2]} , 2]"#), Some((r#"{"a":[1,2]}"#, 15)));
        assert_eq!(next_value(", 2]"), Some(("2", 3)));
        assert_eq!(next_value(r#"{"a" : "x:," ,"b":2}"#), Some((r#""x:,""#, 13)));
        for none in ["]", "}", "", "[]", "{}", "[", ",", r#"{"a":"#, "1"] {
            assert_eq!(next_value(none), None, "{none}");
        }
    }

    #[test]
    fn members_come_as_they_stand() {
        let text = r#" { "a" : 1.0 , "b\"" : {"c":[1,2]} , "d":"x,}" } "#;
        let found: Vec<_> = members(text).unwrap().collect();
        assert_eq!(found, [("\"a\"", "1.0"), ("\"b\\\"\"", "{\"c\":[1,2]}"), ("\"d\"", "\"x,}\"")]);
        assert_eq!(members("{}").unwrap().count(), 0);
        assert!(members("[]").is_none());
    }

    #[test]
    fn elements_come_as_they_stand() {
        let found: Vec<_> = elements(r#"[1, "a]" ,[ ], null]"#).unwrap().collect();
        assert_eq!(found, ["1", "\"a]\"", "[ ]", "null"]);
        assert_eq!(elements("[ ]").unwrap().count(), 0);
        assert!(elements("{}").is_none());
    }

    #[test]
    fn what_is_no_json_ends_the_walk() {
        assert_eq!(elements("[1,,2]").unwrap().count(), 1);
        assert_eq!(members(r#"{"a":1,2:3}"#).unwrap().count(), 1);
        assert_eq!(members(r#"{"a" 1}"#).unwrap().count(), 0);
        assert_eq!(elements("[\"a").unwrap().count(), 0);
    }
}
