//! Where do a model's thoughts end? The answer is what follows the last of them, however its family marks them.

use super::refusal::Refusal;

/// A tag whose name holds one of these is about thoughts: `<think>`, `[THINK]`, `◁think▷`, `<seed:think>`,
/// `<|START_THINKING|>`, `<|begin_of_thought|>`, `<reasoning>` and whatever is still to come.
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
/// Tags about thoughts that do not say so: Gemma's numbered tokens, Apertus' end, a chain of thought.
const OPENING: [&str; 2] = ["unused94", "cot"];
const CLOSING: [&str; 2] = ["unused95", "innersuffix"];
/// Brackets that tags are made of.
const BRACKETS: [(char, char); 4] = [('<', '>'), ('[', ']'), ('◁', '▷'), ('＜', '＞')];
/// The longest tag, in characters between its brackets; what is longer is text.
const LONGEST_TAG: usize = 40;
/// What a thought begins with where no tag says so: the template has opened the thought, or the server left out the tags.
const BEGINNINGS: [&str; 45] = [
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
/// What stands between thoughts and answer where a server shows OpenAI's channels without their tokens.
const FINAL: &str = "assistantfinal";

/// What follows the last thought: all of a text without any.
///
/// # Errors
/// A thought does not end, or nothing follows it. What stands before a thought is not taken for an answer.
pub(super) fn after(text: &str) -> Result<&str, Refusal> {
    let said = after_channels(text)?;
    match last_tag(said) {
        None => Ok(said),
        Some((end, true)) if !said[end..].trim().is_empty() => Ok(&said[end..]),
        Some(_) => Err(Refusal::Thought),
    }
}

/// Whether a line begins as thoughts do that no tag marks.
pub(super) fn is_aloud(lower: &str) -> bool {
    BEGINNINGS.iter().any(|beginning| lower.starts_with(beginning))
}

/// What is said on the channel `final` of OpenAI's open models, where there are channels.
fn after_channels(text: &str) -> Result<&str, Refusal> {
    const CHANNEL: &str = "<|channel|>";
    const MESSAGE: &str = "<|message|>";
    if let Some((_, last)) = text.rsplit_once(CHANNEL) {
        let (name, said) = last.split_once(MESSAGE).ok_or(Refusal::Thought)?;
        return if name.trim_start().starts_with("final") { Ok(said) } else { Err(Refusal::Thought) };
    }
    let begun = ["analysis", "commentary"].iter().find_map(|name| text.trim_start().strip_prefix(name));
    match begun {
        Some(_) if text.contains(FINAL) => Ok(text.rsplit_once(FINAL).map_or(text, |(_, said)| said)),
        Some(rest) if rest.starts_with(char::is_uppercase) => Err(Refusal::Thought),
        _ => Ok(text),
    }
}

/// Where the last tag about thoughts ends, and whether it closes one.
fn last_tag(text: &str) -> Option<(usize, bool)> {
    let begins = text.char_indices().filter_map(|(at, open)| {
        let (_, close) = BRACKETS.iter().find(|(bracket, _)| *bracket == open)?;
        Some((at + open.len_utf8(), *close))
    });
    let mut tags = begins.filter_map(|(begin, close)| {
        let inner = text[begin..].char_indices().take(LONGEST_TAG).find(|(_, letter)| *letter == close);
        let end = begin + inner?.0;
        Some((end + close.len_utf8(), is_closing(&text[begin..end])?))
    });
    tags.next_back()
}

/// Whether what stands between brackets closes a thought; nothing where it is not about thoughts.
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
    fn what_follows_the_last_thought_of_any_family_is_the_answer() {
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
            assert_eq!(after(&format!("{before}a man in red")), Ok("a man in red"), "{before}");
        }
        for text in ["a man in red", "a man [in red] < a house", "analysis of blood in a tube"] {
            assert_eq!(after(text), Ok(text));
        }
    }

    #[test]
    fn a_thought_without_an_end_or_an_answer_is_none() {
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
            assert_eq!(after(text), Err(Refusal::Thought), "{text}");
        }
    }
}
