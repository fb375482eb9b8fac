//! Answers in the terminal: a line for each entity.

use rdkafka::message::{BorrowedMessage, Message as _};
use serde_json::json;

use super::filter::Filter;
use crate::cli::dlq::safe_char;
use crate::cli::plain_records::PlainRecords;
use crate::domain::Triple;
use crate::kafka::publish::formats::reader::{self, ReadAnswer};

/// The lines of an answer: one for each wanted entity. Deletions have none.
pub(super) fn lines(
    message: &BorrowedMessage<'_>,
    plain: &PlainRecords,
    (filter, as_json): (&Filter, bool),
) -> Vec<String> {
    let Some(value) = message.payload() else { return Vec::new() };
    let read = plain.json(value).and_then(|json| of_value(&json, filter, as_json));
    read.unwrap_or_else(|fault| {
        tracing::warn!(
            partition = message.partition(),
            offset = message.offset(),
            fault,
            "no answer of `riveg`"
        );
        Vec::new()
    })
}

fn of_value(value: &[u8], filter: &Filter, as_json: bool) -> Result<Vec<String>, String> {
    let answer = reader::read(value)?;
    let author = answer.annotated.post.author.as_ref().map(|author| author.json());
    let author = author.and_then(|author| serde_json::from_str(author).ok());
    if !filter.is_by(author.as_ref()) {
        return Ok(Vec::new());
    }
    let wanted = answer.annotated.annotation.triples.iter().filter(|triple| filter.wants(triple));
    Ok(wanted
        .map(|triple| if as_json { as_object(&answer, triple) } else { as_row(&answer, triple) })
        .collect())
}

fn as_row(answer: &ReadAnswer, triple: &Triple) -> String {
    let time = humantime::format_rfc3339_seconds(answer.times.published);
    let mention = &triple.mention;
    let shown: Vec<String> = triple
        .regions
        .iter()
        .map(|region| {
            let [x0, y0, x1, y1] = [region.bbox.x0, region.bbox.y0, region.bbox.x1, region.bbox.y1];
            format!("{} [{x0:.0} {y0:.0} {x1:.0} {y1:.0}] {:.2}", region.media_key, region.box_score)
        })
        .collect();
    let shown = if shown.is_empty() { "-".to_owned() } else { shown.join(", ") };
    let row = format!(
        "{time}  {:<20}  {:<6}  {:<24}  {:.2}  {shown}",
        answer.annotated.post_id, mention.entity_type, mention.text, mention.score
    );
    row.chars().map(safe_char).collect()
}

fn as_object(answer: &ReadAnswer, triple: &Triple) -> String {
    let mention = &triple.mention;
    let regions = triple.regions.iter().map(|region| {
        let bbox = [region.bbox.x0, region.bbox.y0, region.bbox.x1, region.bbox.y1];
        json!({ "media_key": region.media_key, "box": bbox, "box_score": region.box_score })
    });
    json!({
        "published_at": humantime::format_rfc3339_millis(answer.times.published).to_string(),
        "post_id": answer.annotated.post_id,
        "entity_id": answer.annotated.entity_id(mention),
        "text": mention.text,
        "type": mention.entity_type.as_str(),
        "iri": triple.iri,
        "score": mention.score,
        "expansion": triple.phrase.expansion,
        "regions": regions.collect::<Vec<_>>(),
    })
    .to_string()
}
