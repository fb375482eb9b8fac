//! Answers of vision models about a box and how each is handled, one row each; `docs/language-models.md` has the same table.

use std::fs;

use riveg::domain::{BBox, ContentHash, Frame};
use riveg::llm::cached::{AnswerReader, RejectReason, parse_object};
use riveg::llm::client::{Answer, BoxFormat};
use riveg::stages::vision::{Look, read_depiction};
use serde_json::{Value, json};

use Becomes::{Absent, Found, Rejected};

/// How an answer is handled.
#[derive(Debug, Clone, Copy)]
enum Becomes {
    /// The box of all accepted rows.
    Found,
    /// The picture does not show it.
    Absent,
    /// Rejected and counted for this reason.
    Rejected(RejectReason),
}

/// A name, the format of boxes, the message, the finish reason, and how it is handled.
type Row = (&'static str, BoxFormat, Value, &'static str, Becomes);

/// The picture is sent at 768 x 384.
const SIZE: (u32, u32) = (1920, 960);
const BOX: BBox = BBox { x0: 480.0, y0: 240.0, x1: 960.0, y1: 720.0 };

fn row(called: &'static str, format: BoxFormat, content: &str, becomes: Becomes) -> Row {
    (called, format, json!({ "content": content }), "stop", becomes)
}

fn rows() -> Vec<Row> {
    use BoxFormat::{Pixels, Pixels28, Thousand, ThousandYx, Unit};
    let mut rows = vec![
        row(
            "the object that is asked for",
            Thousand,
            r#"{"shown": "yes", "box": [250, 250, 500, 750]}"#,
            Found,
        ),
        row("the same with `maybe`", Thousand, r#"{"shown": "maybe", "box": [250, 250, 500, 750]}"#, Found),
        row(
            "Qwen2.5-VL: `bbox_2d` in a fenced list, pixels of its own size",
            Pixels28,
            "```json\n[\n\t{\"bbox_2d\": [189, 98, 378, 294], \"label\": \"a thinker\"}\n]\n```",
            Found,
        ),
        row(
            "Qwen2-VL: `<\\|box_start\\|>(x,y),(x,y)<\\|box_end\\|>`",
            Thousand,
            "<|object_ref_start|>it<|object_ref_end|><|box_start|>(250,250),(500,750)<|box_end|>",
            Found,
        ),
        row(
            "InternVL: `<ref>...</ref><box>[[...]]</box>`",
            Thousand,
            "<ref>it</ref><box>[[250, 250, 500, 750]]</box>",
            Found,
        ),
        row(
            "Gemini: `box_2d`, top before left",
            ThousandYx,
            "```json\n[{\"box_2d\": [250, 250, 750, 500], \"label\": \"it\"}]\n```",
            Found,
        ),
        row(
            "GLM-4.5V: `<\\|begin_of_box\\|>[[...]]<\\|end_of_box\\|>`",
            Thousand,
            "<|begin_of_box|>[[250, 250, 500, 750]]<|end_of_box|>",
            Found,
        ),
        row("pixels of the picture as it is sent", Pixels, "[[192, 96, 384, 288]]", Found),
        row("fractions", Unit, r#"{"box": [0.25, 0.25, 0.5, 0.75]}"#, Found),
        row(
            "reasoning before the object",
            Thousand,
            "<think>left of [it]?</think>{\"shown\": \"yes\", \"box\": [250, 250, 500, 750]}",
            Found,
        ),
        row(
            "an announced object",
            Thousand,
            "Here is the box:\n```json\n{\"box\": [250, 250, 500, 750]}\n```",
            Found,
        ),
        row(
            "several boxes: the first",
            Thousand,
            "[{\"bbox_2d\": [250, 250, 500, 750]}, {\"bbox_2d\": [0, 0, 10, 10]}]",
            Found,
        ),
        row("`no` with a box of zeros", Thousand, r#"{"shown": "no", "box": [0, 0, 0, 0]}"#, Absent),
        row("an empty list", Thousand, "```json\n[]\n```", Absent),
        row("`No.`", Thousand, "No.", Absent),
        row("`yes` and no box", Thousand, r#"{"shown": "yes", "box": []}"#, Rejected(RejectReason::Box)),
        row(
            "`Yes, ...` in words alone",
            Thousand,
            "Yes, a man stands at the left.",
            Rejected(RejectReason::Box),
        ),
        row("reversed edges", Thousand, "[[500, 250, 250, 750]]", Rejected(RejectReason::Box)),
        row("an empty box", Thousand, "[[250, 250, 250, 750]]", Rejected(RejectReason::Box)),
        row(
            "a box far outside of the picture",
            Thousand,
            "[[250, 250, 1500, 750]]",
            Rejected(RejectReason::Box),
        ),
        row("a huge number: `1e300`", Thousand, "[[250, 250, 1e300, 750]]", Rejected(RejectReason::Box)),
        row(
            "fractions where thousandths are configured",
            Thousand,
            "[[0.25, 0.25, 0.5, 0.75]]",
            Rejected(RejectReason::Box),
        ),
        row("three numbers", Thousand, "[250, 250, 500]", Rejected(RejectReason::Box)),
        row(
            "texts for numbers",
            Thousand,
            r#"{"box": ["250", "250", "500", "750"]}"#,
            Rejected(RejectReason::Box),
        ),
        row("`NaN` in JSON", Thousand, "[[250, 250, NaN, 750]]", Rejected(RejectReason::Json)),
        row("`NaN` in a tag", Thousand, "<box>[[250, 250, nan, 750]]</box>", Rejected(RejectReason::Box)),
        row("a tag without an end", Thousand, "<box>[[250, 250, 500", Rejected(RejectReason::Json)),
        row(
            "JSON that breaks off, although the server says `stop`",
            Thousand,
            "[{\"bbox_2d\": [250, 250",
            Rejected(RejectReason::Json),
        ),
        row(
            "an object without verdict and box",
            Thousand,
            r#"{"label": "it"}"#,
            Rejected(RejectReason::Json),
        ),
        row(
            "a verdict of another word",
            Thousand,
            r#"{"shown": "somewhat", "box": [250, 250, 500, 750]}"#,
            Rejected(RejectReason::Json),
        ),
        row(
            "a box in a sentence",
            Thousand,
            "It stands at [250, 250, 500, 750] I think.",
            Rejected(RejectReason::Talk),
        ),
        row("a sentence without a box", Thousand, "It stands at the left.", Rejected(RejectReason::Talk)),
        row(
            "`I'm sorry, but I can't identify people.`",
            Thousand,
            "I'm sorry, but I can't identify people in pictures.",
            Rejected(RejectReason::Excuse),
        ),
        row("`I do not know.`", Thousand, "I do not know.", Rejected(RejectReason::NotKnown)),
        row(
            "reasoning alone",
            Thousand,
            "<think>Okay, the user wants a box",
            Rejected(RejectReason::Thought),
        ),
        row("an empty text", Thousand, "", Rejected(RejectReason::Empty)),
    ];
    let text = |text: &str| json!({ "content": text });
    rows.extend([
        (
            "an answer that the token limit cuts off",
            Thousand,
            text("[{\"bbox_2d\": [250,"),
            "length",
            Rejected(RejectReason::CutOff),
        ),
        (
            "`finish_reason` `content_filter`",
            Thousand,
            text(""),
            "content_filter",
            Rejected(RejectReason::Filtered),
        ),
        (
            "a call of a tool",
            Thousand,
            json!({"content": null}),
            "tool_calls",
            Rejected(RejectReason::Unfinished),
        ),
    ]);
    rows
}

#[test]
fn every_answer_is_handled_as_in_the_table() {
    let rows = rows();
    assert!(rows.len() >= 20, "{} rows", rows.len());
    for (called, format, message, finish, becomes) in rows {
        let body = json!({"choices": [{"message": message, "finish_reason": finish}]}).to_string();
        let answer = Answer::from_body(body.as_bytes()).unwrap();
        let read = move |text: &str| {
            let found = read_depiction(Look::Both, text, (format, SIZE))?;
            let bbox = found.bbox(&frame());
            Ok(format!("{} {bbox:?}", found.is_shown()))
        };
        let found = parse_object(&AnswerReader::new("", read, |_| true), &answer);
        let expected = match becomes {
            Found => Ok(format!("true {:?}", Some(BOX))),
            Absent => Ok("false None".to_owned()),
            Rejected(reason) => Err(reason),
        };
        assert_eq!(found, expected, "{called}");
    }
}

fn frame() -> Frame {
    Frame {
        hash: ContentHash([0; 32]),
        width: SIZE.0,
        height: SIZE.1,
        orientation: 1,
        reduced: 1,
        rgb: Vec::new(),
    }
}

#[test]
fn the_documentation_has_the_same_table() {
    const FILE: &str = "docs/language-models.md";
    let head = "| What comes | `box_format` | What becomes of it |\n|---|---|---|\n";
    let line = |(called, format, _, _, becomes): &Row| {
        let becomes = match becomes {
            Found => "the box".to_owned(),
            Absent => "not shown".to_owned(),
            Rejected(reason) => format!("rejected: `{}`", reason.as_str()),
        };
        format!("| {called} | `{}` | {becomes} |\n", format.as_str())
    };
    let table: String = rows().iter().map(line).collect();
    let documentation = fs::read_to_string(format!("{}/{FILE}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let after = documentation.split_once(head).map_or("", |(_, after)| after);
    let found: String = after.split_inclusive('\n').take_while(|line| line.starts_with('|')).collect();
    assert!(found == table, "{FILE} should have this table:\n{head}{table}");
}
