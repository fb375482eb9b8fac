//! The engine with a vision model as gate, as grounder, and as both, each followed by a segmenter.

use serde_json::{Value, json};

use super::wired::{
    annotate, bundle_without, data, degraded, entities, jpeg, listening, post, sent_size, settings, text,
};
use crate::support::llm::Reply;

const GATE: &str = "Does the picture show this: ";
const GROUND: &str = "Where in the picture is this: ";
const BOTH: &str = "Does the picture show this, and where: ";

/// The box of a region, which has a mask of its picture's size.
fn bbox(entity: &Value, (width, height): (u32, u32)) -> Vec<f64> {
    let [region] = &entity["regions"].as_array().unwrap()[..] else { panic!("{}", entity["regions"]) };
    assert_eq!(region["mask"]["size"], json!([height, width]), "a mask has the size of the picture");
    assert!(region["mask_score"].is_number() && region["box_score"] == 1.0);
    region["box"].as_array().unwrap().iter().map(|edge| edge.as_f64().unwrap()).collect()
}

#[test]
fn a_vision_model_is_the_gate_of_a_bundle_without_one() {
    let bundle = bundle_without(&["entail"]);
    let (server, heard) = listening(|asked| match sent_size(asked) {
        (90, 60) => Reply::text(r#"{"shown": "yes"}"#),
        (60, 90) => Reply::text(r#"{"shown": "maybe"}"#),
        _ => Reply::text(r#"{"shown": "no"}"#),
    });
    let posts = [
        post("yes", &text(), &[jpeg(90, 60)]),
        post("maybe", &text(), &[jpeg(60, 90)]),
        post("no", &text(), &[jpeg(64, 64)]),
    ];
    let found = annotate(&bundle, &settings(&server.url(), &["vision.entail=big"]), &posts);
    for (id, decision, probability) in
        [("yes", "depicted", 1.0), ("maybe", "depicted", 0.5), ("no", "absent", 0.0)]
    {
        assert_eq!(degraded(&found.posts[id]), [""; 0]);
        for entity in entities(&found.posts[id]) {
            assert_eq!(
                (&entity["gate"]["decision"], &entity["gate"]["probability"]),
                (&json!(decision), &json!(probability))
            );
            assert_eq!(entity["regions"].as_array().unwrap().len(), usize::from(decision == "depicted"));
        }
    }
    for asked in heard.lock().unwrap().iter() {
        assert!(asked.text.contains(GATE), "{}", asked.text);
        assert_eq!(
            asked.parameters["response_format"]["json_schema"]["schema"]["required"],
            json!(["shown"])
        );
    }
    // The networks of the bundle's other stages ran.
    assert!(
        found.log.contains("a language model was asked") && found.log.contains("tokens in"),
        "{}",
        found.log
    );
}

#[test]
fn a_vision_model_is_the_grounder_and_its_boxes_are_mapped_back_to_the_upright_picture() {
    let bundle = bundle_without(&["entail", "ground"]);
    // The grounder's model differs from the gate's: two questions. The picture of 960 x 480 is sent at 768 x 384.
    for (format, answer) in [
        ("pixels", "```json\n[{\"bbox_2d\": [192, 96, 384, 288], \"label\": \"it\"}]\n```"),
        ("thousand-yx", "[{\"box_2d\": [250, 250, 750, 500], \"label\": \"it\"}]"),
    ] {
        let (gate, _) = listening(|_| Reply::text("yes"));
        let (server, heard) = listening(move |asked| {
            assert_eq!(sent_size(asked), (768, 384));
            Reply::text(answer)
        });
        let mut sets = settings(&server.url(), &["vision.entail=small", "vision.ground=big"]);
        sets.extend([
            format!("llm.small.url={}", gate.url()),
            "llm.small.model=vl-2b".to_owned(),
            format!("llm.big.box_format={format}"),
        ]);
        let found = annotate(&bundle, &sets, &[post("one", &text(), &[jpeg(960, 480)])]);
        assert_eq!(degraded(&found.posts["one"]), [""; 0], "{format}");
        for entity in entities(&found.posts["one"]) {
            assert_eq!(bbox(entity, (960, 480)), [240.0, 120.0, 480.0, 360.0], "{format}");
        }
        assert!(heard.lock().unwrap().iter().all(|asked| asked.text.contains(GROUND)), "{format}");
    }
}

#[test]
fn one_question_asks_for_gate_and_box_and_no_question_is_asked_twice() {
    let bundle = bundle_without(&["entail", "ground"]);
    let (server, heard) = listening(|asked| {
        Reply::text(match sent_size(asked) {
            (120, 60) => r#"{"shown": "yes", "box": [100, 200, 300, 400]}"#,
            (60, 120) => r#"<think>a [reason]</think>{"shown": "maybe", "box": [500, 500, 900, 900]}"#,
            _ => r#"{"shown": "no", "box": []}"#,
        })
    });
    let (wide, high) = (jpeg(120, 60), jpeg(60, 120));
    let posts = [
        post("wide", &text(), std::slice::from_ref(&wide)),
        post("high", &text(), std::slice::from_ref(&high)),
        post("repost", &text(), std::slice::from_ref(&wide)),
        post("both", &text(), &[high, wide]),
        post("other", &text(), &[jpeg(64, 64)]),
    ];
    let sets = ["vision.entail=big", "vision.ground=big", "llm.big.price_in=2.5", "llm.big.price_out=10"];
    let found = annotate(&bundle, &settings(&server.url(), &sets), &posts);
    let (of_wide, of_high) = ([12.0, 12.0, 36.0, 24.0], [30.0, 60.0, 54.0, 108.0]);
    for (id, expected, size) in
        [("wide", of_wide, (120, 60)), ("high", of_high, (60, 120)), ("repost", of_wide, (120, 60))]
    {
        for entity in entities(&found.posts[id]) {
            assert_eq!(bbox(entity, size), expected, "{id}");
        }
    }
    for entity in entities(&found.posts["both"]) {
        let boxes: Vec<&Value> =
            entity["regions"].as_array().unwrap().iter().map(|region| &region["box"]).collect();
        assert_eq!(boxes, [&json!(of_high), &json!(of_wide)], "each picture has its own answer");
    }
    for entity in entities(&found.posts["other"]) {
        assert_eq!((&entity["gate"]["decision"], &entity["regions"]), (&json!("absent"), &json!([])));
    }
    let heard = heard.lock().unwrap();
    let mut asked: Vec<(&str, (u32, u32))> =
        heard.iter().map(|asked| (data(asked), sent_size(asked))).collect();
    assert!(heard.iter().all(|asked| asked.text.contains(BOTH)));
    asked.sort_unstable();
    let all = asked.len();
    asked.dedup();
    assert_eq!(asked.len(), all, "a question was asked twice: {asked:?}");
    let phrases: std::collections::BTreeSet<&str> = asked.iter().map(|(phrase, _)| *phrase).collect();
    assert_eq!(all, 3 * phrases.len(), "a question for each phrase and each of three pictures");
    let line = found.log.lines().find(|line| line.contains("a language model was asked")).unwrap();
    assert!(
        line.contains("vl-7b") && line.contains(&format!("{all} questions")) && line.contains("price"),
        "{line}"
    );
}
