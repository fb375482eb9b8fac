//! Rust tokens, as far as these checks need them: identifiers, `::`, and single signs; test code left out.

/// The tokens of a file's code (without comments and literals), without what `#[cfg(test)]` marks.
pub(super) fn shipped_tokens(code: &str) -> Vec<&str> {
    let tokens = tokens(code);
    let mut shipped = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at..].starts_with(CFG_TEST) {
            at = end_of_item(&tokens, at + CFG_TEST.len());
        } else {
            shipped.push(tokens[at]);
            at += 1;
        }
    }
    shipped
}

/// Modules that a file declares under `#[cfg(test)]`, by name.
pub(super) fn test_modules(code: &str) -> Vec<&str> {
    let tokens = tokens(code);
    let marked = (0..tokens.len()).filter(|&at| tokens[at..].starts_with(CFG_TEST));
    marked
        .filter_map(|at| {
            let item = &tokens[at + CFG_TEST.len()..end_of_item(&tokens, at + CFG_TEST.len())];
            let is_mod = item.iter().position(|token| *token == "mod")?;
            item.get(is_mod + 1).copied()
        })
        .collect()
}

pub(super) fn is_identifier(token: &str) -> bool {
    token.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

const CFG_TEST: &[&str] = &["#", "[", "cfg", "(", "test", ")", "]"];

fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let length = if is_word(first) {
            rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

/// Where the item (or field, arm, statement) that begins at `from` ends: behind its `;`, `,` or closing brace.
fn end_of_item(tokens: &[&str], from: usize) -> usize {
    let is_use = tokens[from..].iter().take(5).any(|token| *token == "use");
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match *token {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => return at, // The end of what surrounds a last field or arm.
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 && !is_use {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}
