//! `tokenizer.json` check: only the normalisation of known vocabularies is allowed. The format could otherwise double each
//! letter any number of times, so that a short text exhausts memory.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tokenizers::{Error, Tokenizer};

use super::charsmap;

/// The allowed normalisers: those of XLM-R, BERT, ALBERT, DeBERTa and OFA. Some make a text longer (NFKC up to 18 times), but not
/// again when repeated.
const NORMALISERS: [&str; 11] = [
    "BertNormalizer",
    "Lowercase",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Nmt",
    "Precompiled",
    "Prepend",
    "StripAccents",
    "Strip",
];
/// May occur several times, because it must not make text longer.
const REPLACE: &str = "Replace";
/// The allowed regular expressions; others may take exponential time.
const EXPRESSIONS: [&str; 3] = [" {2,}", "\\s+", "\\s{2,}|[\\n\\r\\t]"];
/// The allowed pre-tokenizers.
const PRE_TOKENISERS: [&str; 6] =
    ["BertPreTokenizer", "ByteLevel", "Metaspace", "Punctuation", "Whitespace", "WhitespaceSplit"];
/// The most steps: ALBERT's file has six.
const MAX_STEPS: usize = 8;

/// Reads a `tokenizer.json`. Padding and truncation are ignored.
///
/// # Errors
/// The file is invalid, or has a step that no published vocabulary has.
pub fn tokenizer(bytes: &[u8]) -> Result<Tokenizer, Error> {
    // Checked before parsing, because parsing compiles expressions and panics on a broken table; and after parsing, because
    // the parsed steps are the ones that run.
    let file: Value = serde_json::from_slice(bytes)?;
    check(&file["normalizer"], &file["pre_tokenizer"])?;
    let mut tokenizer = Tokenizer::from_bytes(bytes)?;
    let normaliser = serde_json::to_value(tokenizer.get_normalizer())?;
    check(&normaliser, &serde_json::to_value(tokenizer.get_pre_tokenizer())?)?;
    tokenizer.with_padding(None);
    // Removing the setting cannot fail.
    let _ = tokenizer.with_truncation(None);
    Ok(tokenizer)
}

fn check(normaliser: &Value, pre_tokeniser: &Value) -> Result<(), String> {
    let normalisers = steps(normaliser, ("normalizer", "normalizers"))?;
    normalisers.iter().try_for_each(is_bounded)?;
    known(normalisers, "normalizer", &NORMALISERS)?;
    known(steps(pre_tokeniser, ("pre_tokenizer", "pretokenizers"))?, "pre_tokenizer", &PRE_TOKENISERS)
}

/// The steps of a normaliser or pre-tokenizer.
fn steps<'a>(part: &'a Value, (name, list): (&str, &str)) -> Result<&'a [Value], String> {
    let steps = match (kind(part), &part[list]) {
        ("Sequence", Value::Array(steps)) => steps,
        _ if part.is_null() => &[][..],
        _ => std::slice::from_ref(part),
    };
    if steps.len() > MAX_STEPS {
        return Err(format!("its `{name}` has {} steps, more than {MAX_STEPS}", steps.len()));
    }
    Ok(steps)
}

/// Checks that each step is allowed and occurs once: a second one would lengthen the result of the first.
fn known(steps: &[Value], name: &str, known: &[&str]) -> Result<(), String> {
    for (index, step) in steps.iter().enumerate() {
        let kind = kind(step);
        if name == "normalizer" && kind == REPLACE {
            continue;
        }
        if !known.contains(&kind) {
            let expected = known.join("`, `");
            return Err(format!("its `{name}` has a `{kind}`; expected `{expected}`"));
        }
        if steps[..index].iter().any(|earlier| self::kind(earlier) == kind) {
            return Err(format!("its `{name}` has a `{kind}` twice"));
        }
    }
    Ok(())
}

/// Checks that a step cannot make a text much longer.
fn is_bounded(step: &Value) -> Result<(), String> {
    let field = |key: &str| step.get(key).and_then(Value::as_str).unwrap_or_default();
    match kind(step) {
        REPLACE => {
            let pattern = &step["pattern"];
            let content = field("content").chars().count();
            let expression = pattern["Regex"].as_str();
            if let Some(other) = expression.filter(|expression| !EXPRESSIONS.contains(expression)) {
                let expected = EXPRESSIONS.join("`, `");
                let other: String = other.chars().take(40).collect();
                return Err(format!(
                    "its `normalizer` replaces the expression `{}`; expected `{expected}`",
                    other.escape_debug()
                ));
            }
            let replaced = expression.map_or_else(
                || pattern["String"].as_str().unwrap_or_default().chars().count(),
                |_| 1, // the shortest match of any
            );
            if replaced == 0 || content > replaced {
                return Err(format!(
                    "its `normalizer` replaces {replaced} characters by {content}, which makes texts longer"
                ));
            }
        }
        "Prepend" if field("prepend").chars().count() > 1 => {
            return Err("its `normalizer` puts more than one character before a text".to_owned());
        }
        "Precompiled" => {
            let table = BASE64_STANDARD.decode(field("precompiled_charsmap")).unwrap_or_default();
            charsmap::table(&table).map_err(|why| format!("its `normalizer` has a table that {why}"))?;
        }
        _ => {}
    }
    Ok(())
}

fn kind(step: &Value) -> &str {
    match step["type"].as_str().unwrap_or_default() {
        "Bert" => "BertNormalizer",
        kind => kind,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::charsmap::tests::of_one_key;
    use super::*;

    fn read(normaliser: &Value, pre_tokeniser: &Value) -> Result<Tokenizer, String> {
        let file = json!({
            "version": "1.0",
            "truncation": null,
            "padding": { "strategy": { "Fixed": 4_000_000_000_u32 }, "direction": "Right", "pad_to_multiple_of": null,
                "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>" },
            "added_tokens": [],
            "normalizer": normaliser,
            "pre_tokenizer": pre_tokeniser,
            "post_processor": null,
            "decoder": null,
            "model": { "type": "WordLevel", "vocab": { "<unk>": 0 }, "unk_token": "<unk>" },
        });
        tokenizer(file.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    fn sequence(steps: &[Value]) -> Value {
        json!({ "type": "Sequence", "normalizers": steps })
    }

    fn replace(pattern: &Value, content: &str) -> Value {
        json!({ "type": "Replace", "pattern": pattern, "content": content })
    }

    /// A sentencepiece table that replaces `a` with this.
    fn table(replacement: &str) -> Value {
        let table = of_one_key(0, 512, format!("{replacement}\0").as_bytes());
        json!({ "type": "Precompiled", "precompiled_charsmap": BASE64_STANDARD.encode(table) })
    }

    #[test]
    fn the_steps_of_published_vocabularies_are_allowed() {
        let strip = json!({ "type": "Strip", "strip_left": false, "strip_right": true });
        let spaces = replace(&json!({ "Regex": " {2,}" }), "▁");
        let quotes = replace(&json!({ "String": "``" }), "\"");
        let [lowercase, nfkd, accents] =
            ["Lowercase", "NFKD", "StripAccents"].map(|kind| json!({ "type": kind }));
        let xlm_roberta = sequence(&[table("fi"), strip, spaces]);
        let albert = sequence(&[quotes.clone(), quotes, nfkd, accents, lowercase, table("fi")]);
        let bert = json!({ "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true });
        let metaspace =
            json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true });
        let split = json!({ "type": "WhitespaceSplit" });
        let words = json!({ "type": "Sequence", "pretokenizers": [split, metaspace.clone()] });
        let bytes = json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true });
        for (normaliser, pre_tokeniser) in [
            (&xlm_roberta, &words),
            (&xlm_roberta, &metaspace),
            (&albert, &metaspace),
            (&bert, &json!({ "type": "BertPreTokenizer" })),
            (&Value::Null, &bytes),
            (&json!({ "type": "NFKC" }), &Value::Null),
        ] {
            let tokenizer = read(normaliser, pre_tokeniser);
            let ids = tokenizer.unwrap().encode_fast("it is", false).unwrap().get_ids().len();
            assert!(ids < 10, "nothing is filled up");
        }
    }

    #[test]
    fn steps_that_could_make_a_text_grow_without_bound_are_refused() {
        let doubling = replace(&json!({ "String": "a" }), "aa");
        let bytes = json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true });
        let twice = |step: &Value| json!({ "type": "Sequence", "pretokenizers": [step, step] });
        let nfkc = json!({ "type": "NFKC" });
        let (none, many) = (Value::Null, vec![replace(&json!({ "String": "b" }), "a"); 9]);
        for (normaliser, pre_tokeniser, part) in [
            (sequence(&vec![doubling.clone(); 8]), &none, "replaces 1 characters by 2"),
            (doubling, &none, "replaces 1 characters by 2"),
            (replace(&json!({ "String": "" }), "a"), &none, "replaces 0 characters by 1"),
            (replace(&json!({ "Regex": " {2,}" }), "  "), &none, "replaces 1 characters by 2"),
            (replace(&json!({ "Regex": "(a*)*b" }), ""), &none, "replaces the expression `(a*)*b`"),
            (sequence(&[sequence(std::slice::from_ref(&nfkc))]), &none, "has a `Sequence`"),
            (sequence(&[nfkc.clone(), nfkc.clone()]), &none, "has a `NFKC` twice"),
            (sequence(&many), &none, "has 9 steps, more than 8"),
            (json!({ "type": "ByteLevel" }), &none, "has a `ByteLevel`"),
            (json!({ "type": "Prepend", "prepend": "aaaa" }), &none, "more than one character before"),
            (table(&"a".repeat(65)), &none, "puts 65 bytes for one character"),
            (
                json!({ "type": "Precompiled", "precompiled_charsmap": "AA==" }),
                &none,
                "a table that ends before its index",
            ),
            (json!({ "pattern": { "String": "a" }, "content": "aa" }), &none, "has a ``"),
            (nfkc.clone(), &twice(&bytes), "has a `ByteLevel` twice"),
            (nfkc.clone(), &json!({ "type": "Digits", "individual_digits": true }), "has a `Digits`"),
        ] {
            let refusal = read(&normaliser, pre_tokeniser).expect_err(part);
            assert!(refusal.contains(part), "{part}: {refusal}");
        }
    }
}
