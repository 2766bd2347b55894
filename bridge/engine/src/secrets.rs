//! Keeps tokens out of everything that leaves the engine: errors, logs, status.

/// What stands in place of a secret.
const REDACTED: &str = "<redacted>";
/// Words after which a value is secret, however it is attached (`=`, `:`, `'`, blanks).
const NAMES: [&str; 6] =
    ["motherduck_token", "secret", "session_token", "access_key", "account_key", "password"];
/// Every JSON web token begins so: `{"` in base64.
const JWT_PREFIX: &str = "eyJ";

/// `text` with tokens and the values of secret settings replaced.
pub(crate) fn scrub(text: &str) -> String {
    scrub_named(&scrub_jwt(text))
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'/' | b'%')
}

fn scrub_jwt(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(JWT_PREFIX) {
        let (before, token) = rest.split_at(at);
        let inside_word = before.bytes().next_back().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let len = token.bytes().take_while(|byte| is_token_byte(*byte)).count();
        out.push_str(before);
        if !inside_word && len >= 16 {
            out.push_str(REDACTED);
        } else {
            out.push_str(&token[..len]);
        }
        rest = &token[len..];
    }
    out.push_str(rest);
    out
}

fn scrub_named(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let next = NAMES
            .iter()
            .filter_map(|name| lower[at..].find(name).map(|found| (at + found, name.len())))
            .min_by_key(|(start, len)| (*start, usize::MAX - len));
        let Some((start, len)) = next else { break };
        let name_end = start + len;
        out.push_str(&text[at..name_end]);
        at = name_end;
        // Only `name=value`, `name = 'value'`, `name 'value'` carry a value.
        let separators = text[at..]
            .bytes()
            .take_while(|byte| matches!(byte, b'=' | b':' | b' ' | b'"' | b'\'' | b'`'))
            .collect::<Vec<_>>();
        if !separators.iter().any(|byte| matches!(byte, b'=' | b':' | b'\'')) {
            continue;
        }
        let quote = separators.last().copied().filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
        let value_start = at + separators.len();
        let value = match quote {
            Some(quote) => text[value_start..].bytes().take_while(|byte| *byte != quote).count(),
            None => text[value_start..].bytes().take_while(|byte| is_token_byte(*byte)).count(),
        };
        if value == 0 {
            continue;
        }
        out.push_str(&text[at..value_start]);
        out.push_str(REDACTED);
        at = value_start + value;
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::scrub;

    #[test]
    fn tokens_are_replaced_wherever_they_stand() {
        assert_eq!(
            scrub("ATTACH 'md:x?motherduck_token=abc123&y=1'"),
            "ATTACH 'md:x?motherduck_token=<redacted>&y=1'"
        );
        assert_eq!(scrub("SET motherduck_token = 'a b''"), "SET motherduck_token = '<redacted>''");
        assert_eq!(
            scrub("bad token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln in header"),
            "bad token <redacted> in header"
        );
        assert_eq!(scrub("TYPE s3, SECRET 'xyz', KEY_ID 'k'"), "TYPE s3, SECRET '<redacted>', KEY_ID 'k'");
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in ["table \"t\" does not exist", "no secret with that name", "ümlaut eyJ", ""] {
            assert_eq!(scrub(text), text);
        }
    }
}
