//! Tests of the page: what it shows, what it escapes, and what its policy allows.

use super::*;
use crate::domain::{BBox, EntityType, Mask};
use crate::lab::dataset::{GoldMention, GoldPost, GoldRegion, PredictedMention, PredictedRegion};
use crate::lab::eval::{Intervals, LostPoints, Resampling, Rules, Scores, Sweep, TypeScores, judge};

const NAME: &str = "<img src=x onerror=alert(1)> & \"Co\"";

fn post(id: &str, x0: f32) -> (GoldPost, Vec<PredictedMention>) {
    let bbox = |x0: f32| BBox { x0, y0: 1.0, x1: x0 + 10.0, y1: 11.0 };
    let mask = |from: u32| Mask { width: 40, height: 20, runs: vec![from, 200, 600 - from] };
    let region = GoldRegion { media_key: "m".into(), bbox: bbox(0.0), mask: Some(mask(20)) };
    let entity_type = EntityType::new("ORG");
    let span = Some((0, NAME.chars().count()));
    let mention =
        GoldMention { text: NAME.into(), entity_type: entity_type.clone(), span, regions: vec![region] };
    let found = PredictedRegion {
        media_key: "m".into(),
        bbox: Some(bbox(x0)),
        mask: Some(mask(20 * x0 as u32 + 20)),
        mask_score: None,
    };
    let said =
        PredictedMention { text: NAME.into(), entity_type, span, gate: Some(true), regions: vec![found] };
    let text = format!("{NAME} sells");
    (GoldPost { id: id.into(), text, mentions: vec![mention], grounded: true }, vec![said])
}

fn content(pictures: bool) -> Content {
    let posts = [post("right", 0.0), post("wrong", 25.0)];
    let answered: Vec<(&GoldPost, &[PredictedMention])> =
        posts.iter().map(|(g, p)| (g, p.as_slice())).collect();
    let rules = Rules::RIVEG;
    let scores = Scores::count(answered.iter().copied(), rules);
    let each: Vec<Scores> = answered.iter().map(|(g, p)| Scores::of_post(g, p, rules)).collect();
    let picture = Picture { key: "m".into(), width: 40, height: 20, file: "p.jpg".into() };
    let card = |(gold, predicted): &(GoldPost, Vec<PredictedMention>)| Card {
        pairs: judge(gold, predicted, rules, crate::lab::eval::Score::Gmner),
        gold: gold.clone(),
        predicted: predicted.clone(),
        pictures: if pictures { vec![picture.clone()] } else { Vec::new() },
    };
    Content {
        title: "riveg eval".into(),
        subtitle: "</title><script>alert(2)</script>".into(),
        intervals: Intervals::draw(&each, Resampling { draws: 20, seed: 0 }),
        types: TypeScores::count(answered.iter().copied(), rules, &scores),
        sweep: Sweep::count(&answered, rules),
        lost: LostPoints::count(answered.iter().copied(), rules, &scores),
        scores,
        cards: posts.iter().map(card).collect(),
        posts: 2,
    }
}

#[test]
fn posts_with_errors_come_first_and_figures_and_shapes_are_there() {
    let page = page(&content(true));
    let (wrong, right) = (page.find("<h3>wrong").unwrap(), page.find("<h3>right").unwrap());
    assert!(wrong < right);
    for expected in [
        "data-kinds=\"box\"",
        "data-kinds=\"right\"",
        "<image href=\"images/p.jpg\"",
        "class=\"said box\"",
        "class=\"gold right\"",
        "<path class=\"pixels\" d=\"M",
        "<polyline class=\"gmner\"",
        "<option value=\"box\">wrong box (1)</option>",
        "the box loses most",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
}

#[test]
fn nothing_of_a_post_becomes_markup_and_nothing_else_may_run() {
    let page = page(&content(true));
    assert!(!page.contains("<img") && !page.contains("<script>alert"), "a post became markup");
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt; &amp; &quot;Co&quot;"));
    let policy =
        page.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(policy.matches("'sha256-").count(), 2, "{policy}");
    // Attributes of style would need an exception in the policy.
    assert!(!page.contains(" style=") && !page.contains("http://") && !page.contains("https://"));
    assert_eq!(page.matches("<script>").count(), 1);
}

#[test]
fn without_pictures_boxes_are_shown_on_an_empty_ground() {
    let page = page(&content(false));
    assert!(page.contains("<rect class=\"ground\"") && !page.contains("<image"));
}
