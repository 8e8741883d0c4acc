//! JSON as it is written: members and elements, with commas where they are due.

use crate::base::json::{BASE64_SUFFIX, append_bytes, encode_base64, quote};

#[derive(Default)]
pub struct Writer {
    out: String,
    /// Whether bytes are base64, also where they are text.
    base64: bool,
}

impl Writer {
    pub fn new(base64: bool) -> Writer {
        Writer { out: String::new(), base64 }
    }

    pub fn finish(self) -> String {
        self.out
    }

    /// `{…}`, with whatever `members` writes.
    pub fn object(&mut self, members: impl FnOnce(&mut Writer)) {
        self.out.push('{');
        members(self);
        self.out.push('}');
    }

    /// `"name":`, for a name that needs no escape.
    pub fn name(&mut self, name: &str) {
        self.separate();
        for piece in ["\"", name, "\":"] {
            self.out.push_str(piece);
        }
    }

    /// The comma before the next member or element, if there is one before it.
    pub fn separate(&mut self) {
        if !self.out.ends_with(['{', '[']) {
            self.out.push(',');
        }
    }

    pub fn number(&mut self, number: impl itoa::Integer) {
        self.out.push_str(itoa::Buffer::new().format(number));
    }

    pub fn text(&mut self, text: &str) {
        self.out.push_str(&quote(text));
    }

    /// JSON as it stands.
    pub fn raw(&mut self, json: &str) {
        self.out.push_str(json);
    }

    /// `"name":"text"`, or where it is not UTF-8 `"name_base64":"…"`.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) {
        self.separate();
        append_bytes(&mut self.out, name, bytes, self.base64);
    }

    /// The same for a list: all are text, or none is.
    pub fn many_bytes(&mut self, name: &str, all: &[Vec<u8>]) {
        let texts: Option<Vec<&str>> = all.iter().map(|bytes| std::str::from_utf8(bytes).ok()).collect();
        match texts.filter(|_| !self.base64) {
            Some(texts) => {
                self.name(name);
                self.list(texts, |out, text| out.text(text));
            }
            None => {
                self.name(&format!("{name}{BASE64_SUFFIX}"));
                self.list(all, |out, bytes| {
                    out.raw("\"");
                    encode_base64(bytes, &mut out.out);
                    out.raw("\"");
                });
            }
        }
    }

    /// `[…]`, with each as `element` writes it.
    pub fn list<T>(&mut self, all: impl IntoIterator<Item = T>, element: impl Fn(&mut Writer, T)) {
        self.out.push('[');
        for one in all {
            self.separate();
            element(self, one);
        }
        self.out.push(']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_text_is_base64() {
        let written = |base64, value: &[u8]| {
            let mut out = Writer::new(base64);
            out.object(|out| {
                out.bytes("value", value);
                out.name("n");
                out.list([0; 0], Writer::number);
            });
            out.finish()
        };
        assert_eq!(written(false, "1\"ä\0".as_bytes()), r#"{"value":"1\"ä\u0000","n":[]}"#);
        assert_eq!(written(false, b"\xff\0"), r#"{"value_base64":"/wA=","n":[]}"#);
        assert_eq!(written(true, b"1"), r#"{"value_base64":"MQ==","n":[]}"#);
    }

    #[test]
    fn a_list_is_text_only_if_all_of_it_is() {
        let written = |all: &[&[u8]]| {
            let mut out = Writer::new(false);
            out.object(|out| out.many_bytes("keys", &Vec::from_iter(all.iter().map(|bytes| bytes.to_vec()))));
            out.finish()
        };
        assert_eq!(written(&[b"a", b"b"]), r#"{"keys":["a","b"]}"#);
        assert_eq!(written(&[b"a", b"\xff"]), r#"{"keys_base64":["YQ==","/w=="]}"#);
        assert_eq!(written(&[]), r#"{"keys":[]}"#);
    }
}
