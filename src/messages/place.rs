//! A place in a caller's JSON, as its JSON pointer, for the errors that name it.

use std::borrow::Cow;

use crate::base::error::Error;

/// Each stands on the stack of the reader that is there, and costs nothing unless there is an error to tell.
pub struct Place<'a> {
    above: Option<&'a Place<'a>>,
    token: Token<'a>,
    depth: usize,
}

enum Token<'a> {
    /// What the whole text is called: the parameter's name.
    Whole(&'a str),
    Member(&'a str),
    Element(usize),
}

impl<'a> Place<'a> {
    /// The whole text, by the name of the parameter that it is.
    pub fn whole(name: &'a str) -> Place<'a> {
        Place { above: None, token: Token::Whole(name), depth: 0 }
    }

    pub fn member(&'a self, name: &'a str) -> Place<'a> {
        self.below(Token::Member(name))
    }

    pub fn element(&'a self, index: usize) -> Place<'a> {
        self.below(Token::Element(index))
    }

    fn below(&'a self, token: Token<'a>) -> Place<'a> {
        Place { above: Some(self), token, depth: self.depth + 1 }
    }

    /// How many tokens its pointer has.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// `/success/1/request_put/key: must not be empty`
    #[cold]
    pub fn error(&self, what: impl std::fmt::Display) -> Error {
        Error::invalid(format!("{self}: {what}"))
    }
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ways: Vec<&Place> = std::iter::successors(Some(self), |place| place.above).collect();
        for place in ways.iter().rev() {
            match place.token {
                Token::Whole(name) if ways.len() == 1 => f.write_str(name)?,
                Token::Whole(_) => {}
                Token::Member(name) => write!(f, "/{}", escape(name))?,
                Token::Element(index) => write!(f, "/{index}")?,
            }
        }
        Ok(())
    }
}

fn escape(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) { name.replace('~', "~0").replace('/', "~1").into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_by_its_pointer() {
        let whole = Place::whole("json");
        assert_eq!(whole.to_string(), "json");
        let (success, odd) = (whole.member("success"), whole.member("a/b~"));
        let first = success.element(0);
        let put = first.member("request_put");
        assert_eq!((put.to_string(), put.depth()), ("/success/0/request_put".to_owned(), 3));
        assert_eq!(put.error("wrong").cause, "/success/0/request_put: wrong");
        assert_eq!(odd.to_string(), "/a~1b~0");
    }
}
