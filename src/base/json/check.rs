//! Whether a text is JSON (RFC 8259), and where a value ends. Without recursion, so that depth costs no stack.
//!
//! `serde_json` would do, and tests compare the two; but it takes longer for large values, and shows no names on the way.

/// What follows the value that `text` begins with, with the space before it; `None` if there is none.
pub fn after_value(text: &[u8]) -> Option<&[u8]> {
    let after = walk(text, &mut |_| ())?;
    // A number or a word ends where something follows that can.
    let is_delimited = matches!(text[text.len() - after.len() - 1], b'"' | b'}' | b']')
        || after.first().is_none_or(|next| is_space(*next) || b"\"[]{},:".contains(next));
    is_delimited.then_some(after)
}

/// Whether `text` is one value and no more. The names of its members, if it is an object, are shown as they stand.
pub fn is_value(text: &[u8], on_name: &mut dyn FnMut(&[u8])) -> bool {
    walk(text, on_name).is_some_and(|after| space(after).is_empty())
}

fn walk<'a>(text: &'a [u8], on_name: &mut dyn FnMut(&'a [u8])) -> Option<&'a [u8]> {
    let mut open = Nesting::default();
    let mut rest = space(text);
    loop {
        let (first, after) = rest.split_first()?;
        rest = match first {
            b'"' => string(after)?,
            b'0'..=b'9' | b'-' => number(rest)?,
            b'{' => {
                let inside = space(after);
                match inside.split_first()? {
                    (b'}', after) => after,
                    _ => {
                        open.push(true);
                        rest = member(inside, &open, on_name)?;
                        continue;
                    }
                }
            }
            b'[' => {
                let inside = space(after);
                match inside.split_first()? {
                    (b']', after) => after,
                    _ => {
                        open.push(false);
                        rest = inside;
                        continue;
                    }
                }
            }
            _ => word(rest)?,
        };
        loop {
            if open.depth == 0 {
                return Some(rest);
            }
            match (space(rest).split_first()?, open.is_object()) {
                ((b',', after), true) => {
                    rest = member(space(after), &open, on_name)?;
                    break;
                }
                ((b',', after), false) => {
                    rest = space(after);
                    break;
                }
                ((b'}', after), true) | ((b']', after), false) => rest = after,
                _ => return None,
            }
            open.pop();
        }
    }
}

/// Goes from a member's name to its value.
#[inline]
fn member<'a>(rest: &'a [u8], open: &Nesting, on_name: &mut dyn FnMut(&'a [u8])) -> Option<&'a [u8]> {
    let (b'"', after) = rest.split_first()? else { return None };
    let after = string(after)?;
    if open.depth == 1 {
        on_name(&rest[..rest.len() - after.len()]);
    }
    match space(after).split_first()? {
        (b':', after) => Some(space(after)),
        _ => None,
    }
}

/// Goes from behind the opening quote to behind the closing one.
#[inline]
fn string(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = match rest[plain_length(rest)..].split_first()? {
            (b'"', after) => return Some(after),
            (b'\\', after) => escape(after)?,
            _ => return None,
        };
    }
}

/// How many bytes stand in a string as they are, before the first that does not.
#[inline]
pub fn plain_length(text: &[u8]) -> usize {
    let (mut rest, mut words) = (text, 0);
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        match special(u64::from_le_bytes(*word)) {
            0 => {
                words += 1;
                rest = if words == 8 { behind_plain_blocks(after) } else { after };
            }
            found => return text.len() - rest.len() + found.trailing_zeros() as usize / 8,
        }
    }
    text.len() - rest.len() + rest.iter().take_while(|byte| !is_special(**byte)).count()
}

/// Of eight bytes, the high bits of those that `is_special`; after the first, perhaps of others, too.
#[inline]
fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    // Changed places with the space, the quote follows the control characters.
    let control_or_quote = below(word ^ (ONES * 2), b' ' + 1);
    let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
    (control_or_quote | backslash) & (ONES << 7)
}

/// As many bytes at a time as a processor compares at once.
fn behind_plain_blocks(mut rest: &[u8]) -> &[u8] {
    while let Some((block, after)) = rest.split_first_chunk::<64>() {
        if block.iter().fold(false, |any, byte| any | is_special(*byte)) {
            break;
        }
        rest = after;
    }
    rest
}

/// What means something in a string, or must not be in one.
fn is_special(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// Goes from behind the backslash to behind what it escapes.
fn escape(rest: &[u8]) -> Option<&[u8]> {
    match rest.split_first()? {
        (b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', after) => Some(after),
        (b'u', after) => {
            let (digits, after) = after.split_first_chunk::<4>()?;
            digits.iter().all(u8::is_ascii_hexdigit).then_some(after)
        }
        _ => None,
    }
}

#[inline]
fn number(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.strip_prefix(b"-").unwrap_or(rest);
    let mut rest = match rest.split_first()? {
        (b'0', after) => after,
        _ => digits(rest)?,
    };
    if let Some((b'.', after)) = rest.split_first() {
        rest = digits(after)?;
    }
    if let Some((b'e' | b'E', after)) = rest.split_first() {
        rest = digits(match after.split_first() {
            Some((b'+' | b'-', after)) => after,
            _ => after,
        })?;
    }
    // None follows a zero.
    (!rest.first().is_some_and(u8::is_ascii_digit)).then_some(rest)
}

/// One at least.
#[inline]
fn digits(rest: &[u8]) -> Option<&[u8]> {
    let (b'0'..=b'9', mut rest) = rest.split_first()? else { return None };
    while let Some((b'0'..=b'9', after)) = rest.split_first() {
        rest = after;
    }
    Some(rest)
}

fn word(rest: &[u8]) -> Option<&[u8]> {
    [&b"true"[..], b"false", b"null"].into_iter().find_map(|word| rest.strip_prefix(word))
}

#[inline]
fn space(mut rest: &[u8]) -> &[u8] {
    while let Some((b' ' | b'\t' | b'\n' | b'\r', after)) = rest.split_first() {
        rest = after;
    }
    rest
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// What the walk is in: of each, whether it is an object. A bit each, the innermost last.
#[derive(Default)]
struct Nesting {
    depth: usize,
    bits: u64,
    /// Those for which `bits` has no place, 64 at a time.
    outer: Vec<u64>,
}

impl Nesting {
    fn push(&mut self, is_object: bool) {
        if self.depth > 0 && self.depth % 64 == 0 {
            self.outer.push(self.bits);
        }
        self.bits = self.bits << 1 | u64::from(is_object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.bits >>= 1;
        if self.depth % 64 == 0 {
            self.bits = self.outer.pop().unwrap_or_default();
        }
    }

    fn is_object(&self) -> bool {
        self.bits & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    const SEEDS: &[&str] = &[
        r#"{"a":[1,-2.5e+10,0,0.1,true,false,null],"b":{"c":"x\"\\\/\b\u00e9 a text of more bytes than are looked at in words at first, and then some, é and 😀"},"":[],"o":{}} "#,
        r#"[[[{"a":1}]]]"#,
        "12",
        "-0",
        r#""s""#,
        "[1e5,1E-5,10]",
    ];

    /// What serde_json says: whether it is one value, and where the first one ends.
    fn expected(text: &str) -> (bool, Option<usize>) {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
        let end = values.next().and_then(Result::ok).map(|_| values.byte_offset());
        (serde_json::from_str::<IgnoredAny>(text).is_ok(), end)
    }

    fn found(text: &str) -> (bool, Option<usize>) {
        let bytes = text.as_bytes();
        (is_value(bytes, &mut |_| ()), after_value(bytes).map(|after| bytes.len() - after.len()))
    }

    #[test]
    fn it_says_what_serde_json_says_of_texts_that_are_nearly_json() {
        let mut random = fastrand::Rng::with_seed(7);
        let alphabet: Vec<char> = "{}[]:,\"\\0123456789-+.eEtrufalsn \n\t\u{1}\u{1f}\u{7f}é".chars().collect();
        for seed in SEEDS {
            assert!(found(seed).0);
            for _ in 0..if cfg!(miri) { 10 } else { 2000 } {
                let mut text: Vec<char> = seed.chars().collect();
                for _ in 0..random.usize(1..4) {
                    let at = random.usize(..=text.len());
                    match random.u8(..3) {
                        0 => text.truncate(at),
                        1 if at < text.len() => _ = text.remove(at),
                        _ => text.insert(at, alphabet[random.usize(..alphabet.len())]),
                    }
                }
                let text = String::from_iter(text);
                assert_eq!(found(&text), expected(&text), "{text}");
            }
        }
    }

    #[test]
    fn what_is_special_is_found_at_every_place_of_a_long_text() {
        for length in (0..200).step_by(if cfg!(miri) { 23 } else { 1 }) {
            for special in ["\"", "\\", "\n", "\u{1f}"] {
                let text = format!("{}{special}é{special}", "!".repeat(length));
                assert_eq!(plain_length(text.as_bytes()), length);
            }
            assert_eq!(plain_length("#".repeat(length).as_bytes()), length);
        }
    }

    #[test]
    fn any_depth_is_walked() {
        for depth in [1, 63, 64, 65, 128, 200] {
            let text = "[".repeat(depth) + &"{\"a\":".repeat(depth) + "1" + &"}".repeat(depth) + &"]".repeat(depth);
            assert_eq!(found(&text), (true, Some(text.len())));
            for wrong in [text.replacen(']', "}", 1), text.replacen('}', "]", 1), text[1..].to_owned()] {
                assert_eq!(found(&wrong), expected(&wrong), "{wrong}");
            }
        }
    }

    #[test]
    fn the_names_of_the_outermost_object_are_shown() {
        let mut names = Vec::new();
        let text = br#" {"a":{"b":1}, "c\u0064" :[{"e":2}],"a":3}"#;
        assert!(is_value(text, &mut |name| names.push(String::from_utf8_lossy(name).into_owned())));
        assert_eq!(names, [r#""a""#, r#""c\u0064""#, r#""a""#]);
    }
}
