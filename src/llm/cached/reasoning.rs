//! Reasoning blocks: removed from an answer, in the marks of all model families. The answer is what follows the last one.

use super::reject_reason::RejectReason;

/// A tag whose name contains one of these marks reasoning: `<think>`, `[THINK]`, `◁think▷`, `<seed:think>`,
/// `<|START_THINKING|>`, `<|begin_of_thought|>`, `<reasoning>`, and similar tags of future models.
const STEMS: [&str; 10] = [
    "think",
    "thought",
    "reason",
    "reflect",
    "analysis",
    "scratchpad",
    "monologue",
    "rationale",
    "deliberat",
    "innerprefix",
];
/// Reasoning tags without such a name: Gemma's numbered tokens, Apertus' end tag, "chain of thought".
const OPENING: [&str; 2] = ["unused94", "cot"];
const CLOSING: [&str; 2] = ["unused95", "innersuffix"];
/// The brackets of tags.
const BRACKETS: [(char, char); 4] = [('<', '>'), ('[', ']'), ('◁', '▷'), ('＜', '＞')];
/// The longest tag, in characters between its brackets. Longer ones are text.
const MAX_TAG_CHARS: usize = 40;
/// How reasoning begins without a tag, where the template opened the block or the server removed the tags.
const STARTS: [&str; 45] = [
    "okay, ",
    "okay so ",
    "ok, ",
    "ok so ",
    "alright, ",
    "let me ",
    "let's ",
    "let us ",
    "we need ",
    "we have ",
    "we are ",
    "we should ",
    "we must ",
    "we can ",
    "the user ",
    "the question ",
    "user asks",
    "user wants",
    "i need ",
    "i should ",
    "i must ",
    "i think ",
    "i have to ",
    "i'll ",
    "i will ",
    "i'm going ",
    "first, ",
    "hmm",
    "wait, ",
    "wait.",
    "so, ",
    "so the ",
    "so we ",
    "so i ",
    "now, ",
    "thinking:",
    "thought:",
    "thinking process",
    "thought process",
    "here is my thought",
    "here's my thought",
    "to answer ",
    "to determine ",
    "step 1",
    "need to ",
];
/// Separates reasoning and answer where a server removes the tokens of OpenAI's channels but not their names.
const FINAL: &str = "assistantfinal";

/// The text after the last reasoning block; the whole text if there is none.
///
/// # Errors
/// A block does not end, or nothing follows it. Text before a block is not an answer.
pub(super) fn strip_reasoning(text: &str) -> Result<&str, RejectReason> {
    let text = final_channel(text)?;
    match last_tag(text) {
        None => Ok(text),
        Some((end, true)) if !text[end..].trim().is_empty() => Ok(&text[end..]),
        Some(_) => Err(RejectReason::Thought),
    }
}

/// Whether a line begins like reasoning without a tag.
pub(super) fn starts_as_reasoning(lower: &str) -> bool {
    STARTS.iter().any(|beginning| lower.starts_with(beginning))
}

/// The text of the channel `final` of OpenAI's open models, if the text has channels.
fn final_channel(text: &str) -> Result<&str, RejectReason> {
    const CHANNEL: &str = "<|channel|>";
    const MESSAGE: &str = "<|message|>";
    if let Some((_, last)) = text.rsplit_once(CHANNEL) {
        let (name, text) = last.split_once(MESSAGE).ok_or(RejectReason::Thought)?;
        return if name.trim_start().starts_with("final") { Ok(text) } else { Err(RejectReason::Thought) };
    }
    let begun = ["analysis", "commentary"].iter().find_map(|name| text.trim_start().strip_prefix(name));
    match begun {
        Some(_) if text.contains(FINAL) => Ok(text.rsplit_once(FINAL).map_or(text, |(_, answer)| answer)),
        Some(rest) if rest.starts_with(char::is_uppercase) => Err(RejectReason::Thought),
        _ => Ok(text),
    }
}

/// Where the last reasoning tag ends, and whether it is a closing tag.
fn last_tag(text: &str) -> Option<(usize, bool)> {
    let begins = text.char_indices().filter_map(|(at, open)| {
        let (_, close) = BRACKETS.iter().find(|(bracket, _)| *bracket == open)?;
        Some((at + open.len_utf8(), *close))
    });
    let mut tags = begins.filter_map(|(begin, close)| {
        let inner = text[begin..].char_indices().take(MAX_TAG_CHARS).find(|(_, letter)| *letter == close);
        let end = begin + inner?.0;
        Some((end + close.len_utf8(), is_closing(&text[begin..end])?))
    });
    tags.next_back()
}

/// Whether the text between brackets is a closing reasoning tag; none if it is not a reasoning tag.
fn is_closing(inner: &str) -> Option<bool> {
    let inner = inner.to_lowercase();
    let name: String = inner.chars().filter(|letter| letter.is_alphanumeric()).collect();
    let ends = inner.trim_start_matches(['|', '｜', ' ']).starts_with('/')
        || inner.trim_end_matches(['|', '｜', ' ']).ends_with('/')
        || name.starts_with("end");
    if CLOSING.contains(&name.as_str()) {
        return Some(true);
    }
    let is_thought = OPENING.contains(&name.as_str()) || STEMS.iter().any(|stem| name.contains(stem));
    is_thought.then_some(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_follows_the_last_reasoning_block_of_any_model_family() {
        for before in [
            "<think>who? a man?</think>",
            "who? a man?</think>",
            "<thinking>a</thinking> x <think>b</think>",
            "<THOUGHT>a</THOUGHT>",
            "<reasoning effort=\"low\">a</reasoning>",
            "<think/>",
            "[THINK]a[/THINK]",
            "◁think▷a◁/think▷",
            "<seed:think>a</seed:think>",
            "<|START_THINKING|>a<|END_THINKING|>",
            "<|begin_of_thought|>a<|end_of_thought|>",
            "<unused94>thought\na<unused95>",
            "<|inner_prefix|>a<|inner_suffix|>",
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>",
            "analysisWe need a phrase.assistantfinal",
        ] {
            assert_eq!(strip_reasoning(&format!("{before}a man in red")), Ok("a man in red"), "{before}");
        }
        for text in ["a man in red", "a man [in red] < a house", "analysis of blood in a tube"] {
            assert_eq!(strip_reasoning(text), Ok(text));
        }
    }

    #[test]
    fn a_reasoning_block_without_an_end_or_an_answer_is_rejected() {
        for text in [
            "<think>Okay, the user wants",
            "a man in red <think>or not?",
            "<think>a man</think>\n\n",
            "<think>a</think> b <think>c",
            "[THINK]a man",
            "◁think▷a man",
            "<|START_THINKING|>a man",
            "<|channel|>analysis<|message|>a man",
            "<|channel|>analysis",
            "analysisThe user asks for a phrase.",
        ] {
            assert_eq!(strip_reasoning(text), Err(RejectReason::Thought), "{text}");
        }
    }
}
