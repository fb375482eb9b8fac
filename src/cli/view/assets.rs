//! Assets: the files of the page, compiled into the program as they are in `page`. There is no build step.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The frame of the page.
pub(super) const INDEX: &str = include_str!("page/index.html");

/// What a reader without a session sees.
pub(super) const SIGN_IN: &str = include_str!("page/sign_in.html");

const JS: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// Name, type and content.
const FILES: &[(&str, &str, &str)] = &[
    ("icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("tokens.css", CSS, include_str!("page/tokens.css")),
    ("layout.css", CSS, include_str!("page/layout.css")),
    ("controls.css", CSS, include_str!("page/controls.css")),
    ("feed.css", CSS, include_str!("page/feed.css")),
    ("stage.css", CSS, include_str!("page/stage.css")),
    ("engine.css", CSS, include_str!("page/engine.css")),
    ("main.js", JS, include_str!("page/main.js")),
    ("charts.js", JS, include_str!("page/charts.js")),
    ("dom.js", JS, include_str!("page/dom.js")),
    ("easel.js", JS, include_str!("page/easel.js")),
    ("entities.js", JS, include_str!("page/entities.js")),
    ("entity_card.js", JS, include_str!("page/entity_card.js")),
    ("feed_list.js", JS, include_str!("page/feed_list.js")),
    ("figures.js", JS, include_str!("page/figures.js")),
    ("filter.js", JS, include_str!("page/filter.js")),
    ("filter_form.js", JS, include_str!("page/filter_form.js")),
    ("follower.js", JS, include_str!("page/follower.js")),
    ("keys.js", JS, include_str!("page/keys.js")),
    ("letters.js", JS, include_str!("page/letters.js")),
    ("link.js", JS, include_str!("page/link.js")),
    ("masks.js", JS, include_str!("page/masks.js")),
    ("mentions.js", JS, include_str!("page/mentions.js")),
    ("outline.js", JS, include_str!("page/outline.js")),
    ("picture.js", JS, include_str!("page/picture.js")),
    ("runs.js", JS, include_str!("page/runs.js")),
    ("share.js", JS, include_str!("page/share.js")),
    ("source.js", JS, include_str!("page/source.js")),
    ("stage.js", JS, include_str!("page/stage.js")),
    ("store.js", JS, include_str!("page/store.js")),
    ("theme.js", JS, include_str!("page/theme.js")),
    ("tip.js", JS, include_str!("page/tip.js")),
    ("types.js", JS, include_str!("page/types.js")),
];

/// The file of this name. It is asked for again at each visit: another version of the program has other files.
pub(super) fn asset(name: &str) -> Response {
    let found = FILES.iter().find(|(other, ..)| *other == name);
    match found {
        Some(&(_, kind, content)) => {
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], content).into_response()
        }
        None => (StatusCode::NOT_FOUND, "there is no such file").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_page_is_compiled_in_and_every_name_that_it_says_is_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/view/page");
        let there: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".html"))
            .collect();
        let compiled: BTreeSet<String> = FILES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(compiled, there);
        for (name, _, content) in FILES {
            let imports = content.split("from \"./").skip(1).filter_map(|rest| rest.split('"').next());
            for import in imports {
                assert!(compiled.contains(import), "{name} imports {import}");
            }
        }
        for page in [INDEX, SIGN_IN] {
            for asset in page.split("\"/assets/").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(compiled.contains(asset), "{asset}");
            }
        }
    }

    #[test]
    fn the_page_has_no_inline_script_or_style_and_writes_no_markup() {
        for page in [INDEX, SIGN_IN] {
            for inline in [" style=", "<style", " onclick=", " onload=", "javascript:", "http://", "https://"]
            {
                assert!(!page.contains(inline), "{inline}");
            }
            assert!(page.split("<script").skip(1).all(|script| script.starts_with(" type=\"module\" src=")));
        }
        for (name, _, content) in FILES.iter().filter(|(name, ..)| name.ends_with(".js")) {
            for way in
                ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
            {
                assert!(!content.contains(way), "{name} has {way}");
            }
            assert!(content.starts_with("// "), "{name} does not begin with what it is");
        }
    }
}
