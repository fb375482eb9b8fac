//! Candidate boxes: regions of a picture that a detector found before the post came, among which a joint network chooses.

use crate::domain::BBox;

use super::json::{JsonValue, Kind};

/// The most boxes of a picture that are read: detectors give a hundred, and each costs a joint network as much as a patch.
const MAX_BOXES: usize = 256;

/// Reads `[x0, y0, x1, y1]` of each box, in pixels of the upright picture.
///
/// # Errors
/// What is wrong with the first that is no box, in words; `path` names the list.
pub(super) fn read(list: JsonValue<'_>, path: &str) -> Result<Vec<BBox>, String> {
    if list.kind() != Kind::Array {
        return Err(format!("`{path}` is not read: it is {}, not an array of boxes", list.kind()));
    }
    let listed: Vec<JsonValue<'_>> = list.elements().take(MAX_BOXES + 1).collect();
    if listed.len() > MAX_BOXES {
        return Err(format!("`{path}` is not read: it has more than {MAX_BOXES} boxes"));
    }
    let read = |(index, one): (usize, JsonValue<'_>)| {
        let edges = serde_json::from_str::<[f32; 4]>(one.text()).ok();
        let is_box = |&[x0, y0, x1, y1]: &[f32; 4]| x0 < x1 && y0 < y1;
        let wrong = || {
            format!("`{path}` is not read: its box {index} is not [x0, y0, x1, y1] with x0 < x1 and y0 < y1")
        };
        let [x0, y0, x1, y1] = edges.filter(is_box).ok_or_else(wrong)?;
        Ok(BBox { x0, y0, x1, y1 })
    };
    listed.into_iter().enumerate().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_of(json: &str) -> Result<Vec<BBox>, String> {
        read(JsonValue::of(json), "media[0].candidate_boxes")
    }

    #[test]
    fn boxes_are_read_in_their_order() {
        let first = BBox { x0: 0.0, y0: 1.5, x1: 20.0, y1: 30.0 };
        let second = BBox { x0: -4.0, y0: 0.0, x1: 1e4, y1: 2.0 };
        assert_eq!(read_of("[[0, 1.5, 20, 30], [-4,0,1e4,2]]"), Ok(vec![first, second]));
        assert_eq!(read_of("[ ]"), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_list_of_boxes_is_named() {
        let beyond = format!("[{}]", ["[0,0,1,1]"; MAX_BOXES + 1].join(","));
        let most = format!("[{}]", ["[0,0,1,1]"; MAX_BOXES].join(","));
        assert_eq!(read_of(&most).map(|boxes| boxes.len()), Ok(MAX_BOXES));
        for (json, words) in [
            ("{}", "is an object, not an array of boxes"),
            ("[[0,0,1,1],[0,0,1]]", "its box 1 is not"),
            ("[[0,0,1,1,2]]", "its box 0 is not"),
            ("[[3,0,3,1]]", "its box 0 is not"),
            ("[[0,2,3,1]]", "x0 < x1"),
            (r#"[[0,"2",3,1]]"#, "its box 0"),
            ("[[0,0,1e999,1]]", "its box 0"),
            ("[null]", "its box 0"),
            (&beyond, "more than 256 boxes"),
        ] {
            let fault = read_of(json).unwrap_err();
            assert!(
                fault.starts_with("`media[0].candidate_boxes` is not read: ") && fault.contains(words),
                "{fault}"
            );
        }
    }
}
