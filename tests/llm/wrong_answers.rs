//! Wrong answers of language models and how each is handled, one row each; `docs/language-models.md` has the same table.

use std::fs;

use riveg::llm::cached::{AnswerFormat, RejectReason, parse_answer};
use riveg::llm::client::Answer;
use serde_json::{Value, json};

use Becomes::{Counted, Words};

/// How an answer is handled.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Becomes {
    /// Accepted as this phrase.
    Words(&'static str),
    /// Rejected and counted for this reason.
    Counted(RejectReason),
}

/// A wrong answer: its name, the message, the finish reason, and how it is handled.
pub(crate) struct Row {
    pub(crate) called: &'static str,
    message: Value,
    finish: Value,
    pub(crate) becomes: Becomes,
}

/// The phrase of all accepted rows.
pub(crate) const PHRASE: &str = "a stone bridge";

impl Row {
    /// The server's response body.
    pub(crate) fn body(&self) -> Vec<u8> {
        json!({
            "choices": [{"index": 0, "message": self.message, "finish_reason": self.finish}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1},
        })
        .to_string()
        .into_bytes()
    }

    /// The row in the documentation.
    fn line(&self) -> String {
        let becomes = match self.becomes {
            Words(words) => format!("the phrase `{words}`"),
            Counted(refusal) => format!("rejected: `{}`", refusal.as_str()),
        };
        format!("| {} | {becomes} |", self.called)
    }
}

/// A complete answer.
fn stop(called: &'static str, content: &str, becomes: Becomes) -> Row {
    Row { called, message: json!({"content": content}), finish: json!("stop"), becomes }
}

/// An answer with another message or finish reason.
fn other(called: &'static str, message: Value, finish: Value, becomes: Becomes) -> Row {
    Row { called, message, finish, becomes }
}

/// All rows, about an entity called Vorlan.
pub(crate) fn rows() -> Vec<Row> {
    let text = |text: &str| json!({"content": text});
    let mut rows = thoughts();
    rows.extend([
        other(
            "words cut off by the token limit (`finish_reason` `length`)",
            text("A stone bridge over"),
            json!("length"),
            Counted(RejectReason::CutOff),
        ),
        stop("a phrase without an end, although the server says `stop`: `a stone bridge over the`", "a stone bridge over the", Counted(RejectReason::CutOff)),
        other("no `finish_reason`", text("a stone bridge"), Value::Null, Counted(RejectReason::Unfinished)),
        other(
            "a call of a tool",
            json!({"content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f"}}]}),
            json!("tool_calls"),
            Counted(RejectReason::Unfinished),
        ),
        other("`finish_reason` `content_filter`", text("a stone"), json!("content_filter"), Counted(RejectReason::Filtered)),
        other(
            "a `refusal` in place of the content",
            json!({"content": null, "refusal": "I cannot help with that."}),
            json!("stop"),
            Counted(RejectReason::Filtered),
        ),
        stop("an empty text", "", Counted(RejectReason::Empty)),
        stop("`I do not know.`", "I do not know.", Counted(RejectReason::NotKnown)),
        stop("JSON with an empty text", "{\"phrase\": \"\"}", Counted(RejectReason::NotKnown)),
        stop("`I'm sorry, but I can't help with that.`", "I’m sorry, but I can't help with that.", Counted(RejectReason::Excuse)),
        stop("`As an AI language model, ...`", "As an AI language model, I see no pictures.", Counted(RejectReason::Excuse)),
        stop("`Unfortunately, the text does not say ...`", "Unfortunately, the text does not say what it is.", Counted(RejectReason::Excuse)),
        stop("`Vorlan cannot be identified from the text.`", "Vorlan cannot be identified from the text.", Counted(RejectReason::Excuse)),
        stop("an excuse in another language: `Lo siento, ...`", "Lo siento, no puedo ayudar con eso.", Counted(RejectReason::Excuse)),
        stop("`Sure! Here is a noun phrase: a stone bridge`", "Sure! Here is a noun phrase: a stone bridge", Counted(RejectReason::Talk)),
        stop("`The phrase is: a stone bridge`", "The phrase is: a stone bridge", Counted(RejectReason::Talk)),
        stop("`a stone bridge. Let me know if you need more!`", "a stone bridge. Let me know if you need more!", Counted(RejectReason::Talk)),
        stop("the name before the phrase: `Vorlan is a stone bridge.`", "Vorlan is a stone bridge.", Words(PHRASE)),
    ]);
    rows.extend(forms());
    rows
}

/// Reasoning blocks of several model families.
fn thoughts() -> Vec<Row> {
    let thinking =
        |content: Value| json!({"content": content, "reasoning_content": "Okay, the user wants a"});
    vec![
        other(
            "`<think>` cut off by the token limit",
            json!({"content": "<think>\nOkay, the user wants a noun phrase. Vorlan"}),
            json!("length"),
            Counted(RejectReason::CutOff),
        ),
        stop(
            "`<think>` without an end, although the server says `stop`",
            "<think>\nOkay, the user wants",
            Counted(RejectReason::Thought),
        ),
        other(
            "no content, `reasoning_content` cut off by the token limit",
            thinking(Value::Null),
            json!("length"),
            Counted(RejectReason::CutOff),
        ),
        other(
            "no content, all of it in `reasoning_content`",
            thinking(Value::Null),
            json!("stop"),
            Counted(RejectReason::Thought),
        ),
        stop(
            "`<think>...</think>` before the phrase",
            "<think>A street?</think>\n\nA stone bridge.",
            Words(PHRASE),
        ),
        stop(
            "`</think>` alone, since the template opens the thought",
            "A street? No.\n</think>\na stone bridge",
            Words(PHRASE),
        ),
        stop(
            "`<thinking>`, `<thought>`, `<reasoning>` and the like",
            "<reasoning>A street?</reasoning> a stone bridge",
            Words(PHRASE),
        ),
        stop("`[THINK]...[/THINK]`", "[THINK]A street?[/THINK]a stone bridge", Words(PHRASE)),
        stop("`◁think▷` without an end", "◁think▷A street? A stone bridge", Counted(RejectReason::Thought)),
        stop(
            "`<seed:think>...</seed:think>`",
            "<seed:think>A street?</seed:think>a stone bridge",
            Words(PHRASE),
        ),
        stop(
            "`<\\|START_THINKING\\|>...<\\|END_THINKING\\|>`",
            "<|START_THINKING|>A street?<|END_THINKING|><|START_RESPONSE|>a stone bridge<|END_RESPONSE|>",
            Words(PHRASE),
        ),
        stop(
            "`<\\|channel\\|>analysis`, then `<\\|channel\\|>final`",
            "<|channel|>analysis<|message|>A street?<|end|><|start|>assistant<|channel|>final<|message|>a stone bridge",
            Words(PHRASE),
        ),
        stop(
            "`<\\|channel\\|>analysis` alone",
            "<|channel|>analysis<|message|>We need a phrase",
            Counted(RejectReason::Thought),
        ),
        stop(
            "channels without their tokens: `analysis...assistantfinal`",
            "analysisWe need a phrase.assistantfinala stone bridge",
            Words(PHRASE),
        ),
        stop(
            "thoughts without tags: `Okay, the user wants ...`",
            "Okay, the user wants a noun phrase. A stone bridge.",
            Counted(RejectReason::Thought),
        ),
        stop(
            "a thought behind the phrase",
            "a stone bridge <think>or a street?",
            Counted(RejectReason::Thought),
        ),
    ]
}

/// JSON, template tokens, code fences, lists, other scripts.
fn forms() -> Vec<Row> {
    let essay = "The old town has many sights and a long past. ".repeat(40);
    vec![
        stop("JSON as it was asked for", "{\"phrase\": \"a stone bridge\"}", Words(PHRASE)),
        stop(
            "JSON in a fence, announced",
            "Sure! Here is the JSON:\n```json\n{\"phrase\": \"a stone bridge\"}\n```",
            Words(PHRASE),
        ),
        stop("JSON of another shape", "{\"answer\": \"a stone bridge\"}", Counted(RejectReason::Json)),
        stop("JSON that breaks off", "{\"phrase\": \"a stone", Counted(RejectReason::Json)),
        stop(
            "JSON whose text is talk",
            "{\"phrase\": \"Sure! Here is a phrase\"}",
            Counted(RejectReason::Talk),
        ),
        stop(
            "a token of a template and a further turn: `a stone bridge<\\|im_end\\|>...`",
            "a stone bridge<|im_end|>\n<|im_start|>user\nAnd now?",
            Words(PHRASE),
        ),
        stop("`[/INST] a stone bridge</s>`", "[/INST] a stone bridge</s>", Words(PHRASE)),
        stop(
            "a token in the middle: `a stone <unk> bridge`",
            "a stone <unk> bridge",
            Counted(RejectReason::Markup),
        ),
        stop("a fence around the phrase", "```\na stone bridge\n```", Words(PHRASE)),
        stop("quotation marks or asterisks around the phrase", "\"**A stone bridge.**\"", Words(PHRASE)),
        stop("a list", "1. a stone bridge\n2. a town", Counted(RejectReason::List)),
        stop(
            "a phrase and an explanation on further lines",
            "a stone bridge\n\nVorlan is a town with one.",
            Counted(RejectReason::List),
        ),
        stop(
            "the question again",
            "Q: As a picture would show it, what is 'Vorlan (LOC)' here?\nA:",
            Counted(RejectReason::Echo),
        ),
        stop(
            "the phrase, and a further question of its own",
            "a stone bridge\n\nText: more\nQ: and what is 'X'?",
            Words(PHRASE),
        ),
        stop("the name alone", "Vorlan", Counted(RejectReason::Echo)),
        stop("a placeholder: `string`", "{\"phrase\": \"string\"}", Counted(RejectReason::Echo)),
        stop("a question back", "Which Vorlan is meant?", Counted(RejectReason::Question)),
        stop("a web address", "see https://evil.example/x", Counted(RejectReason::Address)),
        stop("HTML", "a bridge <script>alert(1)</script>", Counted(RejectReason::Markup)),
        stop(
            "escape codes of a terminal",
            "\u{1b}[31ma stone bridge\u{1b}[0m",
            Counted(RejectReason::Unreadable),
        ),
        stop(
            "pieces of a tokenizer: `a Ġstone Ġbridge`",
            "a Ġstone Ġbridge",
            Counted(RejectReason::Unreadable),
        ),
        stop("another script", "一座石桥", Counted(RejectReason::Script)),
        stop(
            "the same words again and again",
            "a bridge of a bridge of a bridge of a bridge of a bridge of a bridge of a bridge of a bridge",
            Counted(RejectReason::Repetition),
        ),
        stop("an essay", &essay, Counted(RejectReason::TooLong)),
    ]
}

#[test]
fn every_wrong_answer_is_handled_as_in_the_table() {
    let rows = rows();
    assert!(rows.len() >= 40, "{} rows", rows.len());
    for row in &rows {
        let answer = Answer::from_body(&row.body()).unwrap();
        let expected = match row.becomes {
            Words(words) => Ok(words.to_owned()),
            Counted(refusal) => Err(refusal),
        };
        assert_eq!(parse_answer(AnswerFormat::Phrase, &answer, "Vorlan (LOC)"), expected, "{}", row.called);
    }
}

#[test]
fn the_documentation_has_the_same_table() {
    const FILE: &str = "docs/language-models.md";
    let head = "| What comes | What becomes of it |\n|---|---|\n";
    let table: String = rows().iter().map(|row| row.line() + "\n").collect();
    let file = format!("{}/{FILE}", env!("CARGO_MANIFEST_DIR"));
    let documentation = fs::read_to_string(file).unwrap();
    let after = documentation.split_once(head).map_or("", |(_, after)| after);
    let found: String = after.split_inclusive('\n').take_while(|line| line.starts_with('|')).collect();
    assert!(found == table, "{FILE} should have this table:\n{head}{table}");
}
