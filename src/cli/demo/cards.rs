//! Cards of the contact sheet: the selected posts and their remarks.

use crate::domain::{Annotation, Post};
use crate::lab::contact_sheet::{Card, EmojiFont, Sheet};
use crate::lab::dataset::{GoldPost, PredictedMention};
use crate::lab::eval::{Rules, Scores};

/// Posts on the page.
pub(super) const POSTS: usize = 12;

/// Whether a post names at least two entities and shows at least one.
pub(super) fn is_telling(post: &GoldPost) -> bool {
    post.mentions.len() >= 2 && post.mentions.iter().any(|mention| !mention.regions.is_empty())
}

/// The same by an answer, of a post without gold.
pub(super) fn is_telling_answer(answer: &Annotation) -> bool {
    answer.triples.len() >= 2 && answer.triples.iter().any(|triple| !triple.regions.is_empty())
}

/// Selects posts for the page: the first that are telling, then the first of the others. Returns their indices in the order
/// of the feed.
pub(super) fn choose(is_telling: &[bool]) -> Vec<usize> {
    let (telling, others): (Vec<usize>, Vec<usize>) =
        (0..is_telling.len()).partition(|&number| is_telling[number]);
    let mut chosen: Vec<usize> = telling.into_iter().chain(others).take(POSTS).collect();
    chosen.sort_unstable();
    chosen
}

/// The card of a post; without an annotation it has no entities.
pub(super) fn card(post: Post, answer: Option<&Annotation>) -> Card {
    let triples = answer.map(|annotation| annotation.triples.clone());
    let shown = triples.iter().flatten().filter(|triple| !triple.regions.is_empty()).count();
    let remark = match &triples {
        Some(triples) => format!("{shown} of {} shown", triples.len()),
        None => "rejected".to_owned(),
    };
    Card { post, triples: triples.unwrap_or_default(), gold: Vec::new(), remark }
}

/// The card of a post with gold.
pub(super) fn scored_card(post: Post, gold: &GoldPost, answer: Option<&Annotation>) -> Card {
    let mut card = card(post, answer);
    card.gold = boxes(gold);
    if let Some(annotation) = answer {
        let predicted = PredictedMention::from_annotation(annotation);
        card.remark = remark(&Scores::count([(gold, predicted.as_slice())], Rules::default()));
    }
    card
}

/// The page around the cards: so many posts, their source, and the bundle that answered them.
pub(super) fn sheet(
    cards: Vec<Card>,
    types: Vec<String>,
    (posts, source, bundle): (usize, &str, &str),
) -> Sheet {
    let subtitle = format!(
        "the first {} of {posts} posts that name two entities or more and show at least one; bundle {bundle}",
        cards.len()
    );
    let title = format!("riveg: {source} through Kafka");
    Sheet { title, subtitle, types, cards, emoji: EmojiFont::installed() }
}

/// How many entities are right in name, type and region, as GMNER counts.
fn remark(scores: &Scores) -> String {
    let counts = scores.gmner.unwrap_or_default();
    let wrong = counts.predicted - counts.right;
    let more = if wrong == 0 { String::new() } else { format!(", {wrong} wrong") };
    format!("{} of {} right{more}", counts.right, counts.gold)
}

fn boxes(gold: &GoldPost) -> Vec<crate::domain::BBox> {
    gold.mentions.iter().flat_map(|mention| &mention.regions).map(|region| region.bbox).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BBox, EntityType};
    use crate::lab::dataset::{GoldMention, GoldRegion};
    use crate::lab::eval::Counts;

    fn gold(mentions: usize, shown: bool) -> GoldPost {
        let bbox = BBox { x0: 0.0, y0: 0.0, x1: 1.0, y1: 1.0 };
        let region = GoldRegion { media_key: "m".to_owned(), bbox, mask: None };
        let mention = |number: usize| GoldMention {
            text: "Ann".to_owned(),
            entity_type: EntityType::new("PER"),
            span: Some((0, 3)),
            regions: if shown && number == 0 { vec![region.clone()] } else { Vec::new() },
        };
        GoldPost {
            id: "p".to_owned(),
            text: "Ann".to_owned(),
            mentions: (0..mentions).map(mention).collect(),
            grounded: true,
        }
    }

    #[test]
    fn telling_posts_are_shown_first_and_in_the_order_of_the_feed() {
        let posts: Vec<GoldPost> = (0..40).map(|number| gold(number % 3, number % 2 == 0)).collect();
        let chosen = choose(&posts.iter().map(is_telling).collect::<Vec<_>>());
        assert_eq!(chosen.len(), POSTS);
        assert!(chosen.is_sorted());
        let telling: Vec<usize> = (0..40).filter(|number| number % 3 == 2 && number % 2 == 0).collect();
        assert_eq!(telling.len(), 7);
        assert!(telling.iter().all(|number| chosen.contains(number)));
        assert_eq!(choose(&[false, true]), [0, 1], "fewer posts than places");
    }

    #[test]
    fn remarks_count_what_is_right_and_what_is_wrong() {
        for (predicted, right, expected) in [(3, 3, "3 of 4 right"), (5, 2, "2 of 4 right, 3 wrong")] {
            let scores = Scores { gmner: Some(Counts { predicted, gold: 4, right }), ..Scores::ZERO };
            assert_eq!(remark(&scores), expected);
        }
    }

    #[test]
    fn a_post_without_an_answer_is_shown_as_rejected() {
        let post = Post { id: "p".to_owned(), text: "Ann".to_owned(), media: Vec::new(), ..Post::default() };
        let card = scored_card(post, &gold(1, true), None);
        assert_eq!((card.remark.as_str(), card.triples.len(), card.gold.len()), ("rejected", 0, 1));
    }
}
