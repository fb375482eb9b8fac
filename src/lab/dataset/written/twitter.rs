//! The layout of Twitter-GMNER: words with BIO tags, and Pascal-VOC files with boxes.

use std::fmt::Write as _;
use std::path::Path;

use quick_xml::escape::escape;

use super::files::{WriteError, file_name, made, picture_of, refused, regions, save};
use crate::lab::dataset::mentions::{GoldMention, GoldPost, GoldRegion};
use crate::lab::dataset::reading::Example;

pub(super) fn write(examples: &[Example], split: &str, folder: &Path) -> Result<(), WriteError> {
    let (texts, boxes) = (made(&folder.join("txt"))?, made(&folder.join("xml"))?);
    let mut words = String::new();
    for Example { gold, .. } in examples {
        picture_of(gold)?;
        if file_name(&gold.id) != format!("{}.jpg", gold.id) {
            return Err(refused(
                gold,
                "its id is the name of files in this layout, and no file can have that name",
            ));
        }
        words += &tagged(gold)?;
        let shown: Vec<_> = regions(gold).collect();
        if !shown.is_empty() {
            save(boxes.join(format!("{}.xml", gold.id)), voc(gold, &shown))?;
        }
    }
    save(texts.join(format!("{split}.txt")), words)
}

/// The post as words with BIO tags: what touches a mention becomes a word of its own.
fn tagged(post: &GoldPost) -> Result<String, WriteError> {
    let mut lines = format!("IMGID:{}\n", post.id);
    let letters: Vec<char> = post.text.chars().collect();
    let mut from = 0;
    let mut push = |part: &[char], tag: &str| {
        let text: String = part.iter().collect();
        for (number, word) in text.split_whitespace().enumerate() {
            let begin = if number == 0 { "B" } else { "I" };
            let _ = match tag {
                "" => writeln!(lines, "{word}\tO"),
                name => writeln!(lines, "{word}\t{begin}-{name}"),
            };
        }
    };
    for mention in &post.mentions {
        let (start, end) = mention.span.ok_or_else(|| refused(post, "a mention has no place in the text"))?;
        if start < from || end > letters.len() || start > end {
            return Err(refused(post, "its mentions overlap or are not in reading order"));
        }
        push(&letters[from..start], "");
        push(&letters[start..end], mention.entity_type.as_str());
        from = end;
    }
    push(&letters[from..], "");
    lines.push('\n');
    Ok(lines)
}

fn voc(post: &GoldPost, shown: &[(&GoldMention, &GoldRegion)]) -> String {
    let mut xml = format!("<annotation>\n  <filename>{}</filename>\n", escape(file_name(&post.id)));
    for (mention, region) in shown {
        let name: Vec<&str> = mention.text.split_whitespace().collect();
        let [x0, y0, x1, y1] = [region.bbox.x0, region.bbox.y0, region.bbox.x1, region.bbox.y1];
        let _ = writeln!(
            xml,
            "  <object>\n    <name>{}</name>\n    <bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax>\
             <ymax>{y1}</ymax></bndbox>\n  </object>",
            escape(name.join(" "))
        );
    }
    xml.push_str("</annotation>\n");
    xml
}
