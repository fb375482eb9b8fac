//! Several outputs: each gets every answer and every deletion in order, in both delivery modes, and one that takes no
//! large record affects no other.

use rdkafka::message::{Message, OwnedMessage};
use riveg::engine::Settings;
use riveg::kafka::publish::{BoxUnit, MaskForm, OutputConfig, Shape};

use super::echo::{EchoPipeline, post};
use super::running::{RunningEngine, TestTopics};
use crate::support::{
    Writer, broker, committed, create_topic_with, header, log_end, read_committed, unique, until,
};

/// Posts, one of them with a large answer, and the deletion of the first.
const POSTS: usize = 40;
const LARGE: usize = 17;

fn feed(names: &TestTopics) {
    let writer = Writer::new(&names.bootstrap);
    for number in 0..POSTS {
        let id = format!("post-{number}");
        let value = match number {
            // Much more than the limit even after compression.
            LARGE => format!(r#"{{"id":"{id}","size":8000000}}"#).into_bytes(),
            _ => post(&id),
        };
        writer.send(&names.input, 0, Some(&id), Some(&value));
    }
    writer.send(&names.input, 0, Some("post-0"), None);
    writer.flush();
}

fn with_output(mut settings: Settings, topic: &str) -> Settings {
    let output = OutputConfig {
        topic: topic.to_owned(),
        format: "riveg".to_owned(),
        shape: Shape::Post,
        masks: MaskForm::None,
        boxes: BoxUnit::Relative,
    };
    settings.publish.outputs.insert("small".to_owned(), output);
    settings
}

fn keys(messages: &[OwnedMessage]) -> Vec<String> {
    messages.iter().map(|message| String::from_utf8(message.key().unwrap().to_vec()).unwrap()).collect()
}

fn assert_both_outputs_have_everything(exactly_once: bool) {
    let names = TestTopics::with_topics(1);
    let small = unique("small");
    create_topic_with(broker(), &small, 1, &[("max.message.bytes", "20000")]);
    feed(&names);
    let settings = if exactly_once { names.exactly_once(16, "a") } else { names.settings(16) };
    let engine = RunningEngine::start(with_output(settings, &small), &EchoPipeline::open());
    let ends = log_end(broker(), &names.input, 1);
    until("the group stands at the end", || {
        (committed(broker(), &names.group, &names.input, 1) == ends).then_some(())
    });
    let metrics = engine.metrics.render();
    engine.stop().unwrap();
    let expected: Vec<String> =
        (0..POSTS).map(|number| format!("post-{number}")).chain(["post-0".to_owned()]).collect();
    let main = read_committed(broker(), &names.output, 1);
    assert_eq!(keys(&main), expected);
    let further = read_committed(broker(), &small, 1);
    let fitting: Vec<String> =
        expected.iter().filter(|id| **id != format!("post-{LARGE}")).cloned().collect();
    assert_eq!(keys(&further), fitting);
    for output in [&main, &further] {
        let values: Vec<bool> = output.iter().map(|message| message.payload().is_some()).collect();
        assert_eq!(values.iter().position(|has_value| !has_value), Some(output.len() - 1), "{values:?}");
        assert_eq!(header(output.last().unwrap(), "riveg.source.offset"), Some(&*POSTS.to_string()));
    }
    let dead = read_committed(broker(), &names.dead, 1);
    assert_eq!(keys(&dead), [format!("post-{LARGE}")]);
    assert_eq!(header(&dead[0], "riveg.error.class"), Some("too-large"));
    let said = header(&dead[0], "riveg.error.message").unwrap();
    assert!(said.contains(&format!("topic `{small}` of the output `small`")), "{said}");
    for (output, kind, count) in [
        ("main", "annotation", POSTS),
        ("main", "deletion", 1),
        ("main", "too-large", 0),
        ("small", "annotation", POSTS - 1),
        ("small", "deletion", 1),
        ("small", "too-large", 1),
    ] {
        let line = format!(r#"riveg_output_records_total{{kind="{kind}",output="{output}"}} {count}"#);
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
    assert!(metrics.contains("riveg_tombstones_total{outcome=\"forwarded\"} 1"), "{metrics}");
}

#[test]
fn two_outputs_get_every_answer_in_order_and_one_that_takes_no_large_record_affects_no_other() {
    assert_both_outputs_have_everything(false);
}

#[test]
fn two_outputs_get_every_answer_in_the_same_transactions() {
    assert_both_outputs_have_everything(true);
}
