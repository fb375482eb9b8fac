//! Line numbers of keys in their files.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The line of every key of a TOML file, tables included, by its dotted path. Empty where the file is not TOML.
pub(super) fn lines_of(text: &str) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    if let Ok(table) = DeTable::parse(text) {
        collect(text, "", table.get_ref(), &mut lines);
    }
    lines
}

fn collect(text: &str, prefix: &str, table: &DeTable<'_>, lines: &mut BTreeMap<String, usize>) {
    for (key, value) in table {
        let name = key.get_ref();
        let path = if prefix.is_empty() { name.to_string() } else { format!("{prefix}.{name}") };
        lines.insert(path.clone(), line_at(text, key.span().start));
        if let DeValue::Table(inner) = Spanned::get_ref(value) {
            collect(text, &path, inner, lines);
        }
    }
}

/// The number of the line that a byte is on.
pub(super) fn line_at(text: &str, byte: usize) -> usize {
    let before = text.as_bytes().get(..byte).unwrap_or(text.as_bytes());
    before.iter().filter(|&&letter| letter == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_where_they_are_written_however_they_are_written() {
        let text = "top.inner = 1\n\n[kafka.properties]\n\"a.b\" = 1 # é\nc.d = 2\r\nlist = [\n  1,\n]\n\
                    [llm.x]\nurl = { a = 1 }\n[kafka]\nbootstrap = 'x'\n";
        let expected = [
            ("kafka", 11),
            ("kafka.bootstrap", 12),
            ("kafka.properties", 3),
            ("kafka.properties.a.b", 4),
            ("kafka.properties.c", 5),
            ("kafka.properties.c.d", 5),
            ("kafka.properties.list", 6),
            ("llm", 9),
            ("llm.x", 9),
            ("llm.x.url", 10),
            ("llm.x.url.a", 10),
            ("top", 1),
            ("top.inner", 1),
        ];
        assert_eq!(lines_of(text), expected.map(|(path, line)| (path.to_owned(), line)).into());
        assert_eq!(lines_of("[engine\n"), BTreeMap::new());
    }
}
