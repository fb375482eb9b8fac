//! Patterns of tensor names: parts between dots; `#` stands for a number, `*` for all parts that follow.

/// The parts that stand for `#` and `*`, in their order, if the name has the form.
fn capture<'name>(pattern: &str, name: &'name str) -> Option<Vec<&'name str>> {
    let mut captured = Vec::new();
    let mut rest = Some(name);
    for part in pattern.split('.') {
        let left = rest?;
        if part == "*" {
            captured.push(left);
            return Some(captured);
        }
        let (head, tail) = left.split_once('.').map_or((left, None), |(head, tail)| (head, Some(tail)));
        if part == "#" && !head.is_empty() && head.bytes().all(|byte| byte.is_ascii_digit()) {
            captured.push(head);
        } else if part != head {
            return None;
        }
        rest = tail;
    }
    rest.is_none().then_some(captured)
}

/// Whether a name has the form.
fn matches(pattern: &str, name: &str) -> bool {
    capture(pattern, name).is_some()
}

/// The name in the form of the first rule whose left side it has: its numbers and its rest take their places.
pub(in crate::networks) fn rewrite(rules: &[(&str, &str)], name: &str) -> Option<String> {
    rules.iter().find_map(|(from, to)| {
        let mut captured = capture(from, name)?.into_iter();
        let parts = to.split('.').map(|part| match part {
            "#" | "*" => captured.next().unwrap_or(part),
            part => part,
        });
        Some(parts.collect::<Vec<_>>().join("."))
    })
}

/// Why a name is dropped: the reason beside the first form that it has.
pub(in crate::networks) fn reason(drops: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    drops.iter().find(|(pattern, _)| matches(pattern, name)).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_the_rest_are_carried_over_and_whole_parts_are_compared() {
        let rules = [("a.#.norm1.*", "b.layers.#.layer_norm1.*"), ("a.token", "b.token"), ("a.*", "c.*")];
        let cases = [
            ("a.12.norm1.weight", Some("b.layers.12.layer_norm1.weight")),
            ("a.12.norm11.weight", Some("c.12.norm11.weight")),
            ("a.x.norm1.weight", Some("c.x.norm1.weight")),
            ("a.token", Some("b.token")),
            ("a.token.weight", Some("c.token.weight")),
            ("a", None),
            ("ab.token", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(rewrite(&rules, name).as_deref(), expected, "{name}");
        }
    }
}
