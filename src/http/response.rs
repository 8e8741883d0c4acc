//! One HTTP response, as data: what the transport brings back.

#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
}

/// The header lines of a response, but for those that say how its body is framed; an API version looks up those it knows.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// Name and value of each, one after the other.
    text: Vec<u8>,
    /// How long each is. A head is no longer than `MAX_HEAD_BYTES`.
    lengths: Vec<(u32, u32)>,
}

impl Headers {
    /// None yet, and room for so many.
    pub fn with_capacity(count: usize) -> Headers {
        Headers { text: Vec::with_capacity(count * USUAL_LENGTH), lengths: Vec::with_capacity(count) }
    }

    pub fn push(&mut self, name: &str, value: &[u8]) {
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(value);
        self.lengths.push((name.len() as u32, value.len() as u32));
    }

    /// Of lines like `X-Etcd-Index: 8`.
    #[cfg(test)]
    pub fn new(lines: &[u8]) -> Headers {
        let mut headers = Headers::default();
        for line in lines.split(|byte| *byte == b'\n') {
            if let Some(colon) = line.iter().position(|byte| *byte == b':') {
                let name = std::str::from_utf8(&line[..colon]).expect("a name is ASCII");
                headers.push(name, line[colon + 1..].trim_ascii());
            }
        }
        headers
    }

    /// The name and the value of each line.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = &self.text[..];
        self.lengths.iter().map(move |(name, value)| {
            let (line, others) = rest.split_at((name + value) as usize);
            rest = others;
            line.split_at(*name as usize)
        })
    }

    /// The value of the first line of that name, whatever the case of its letters.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))?;
        std::str::from_utf8(value).ok()
    }
}

/// Of a name and its value.
const USUAL_LENGTH: usize = 40;

/// Digits only: Rust's own parser would take a sign.
pub fn number(text: &[u8]) -> Option<u64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let (first, others) = text.split_first()?;
    others.iter().try_fold(digit(*first)?, |number, byte| number.checked_mul(10)?.checked_add(digit(*byte)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_whatever_the_case_of_its_name() {
        let headers = Headers::new(b"Content-Type: x\r\nLOCATION:  /a b \r\nX: \xff\nlocation: /c\r\n\r\n");
        assert_eq!(headers.get("Location"), Some("/a b"), "the first, without the space around it");
        assert_eq!(headers.get("x"), None, "not UTF-8");
        assert_eq!(headers.get("Loc"), None);
        assert_eq!(headers.iter().count(), 4);
    }

    #[test]
    fn a_number_is_digits_that_fit() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for bad in ["", "+1", "-1", "1 ", "0x1", "18446744073709551616"] {
            assert_eq!(number(bad.as_bytes()), None, "{bad}");
        }
    }
}
