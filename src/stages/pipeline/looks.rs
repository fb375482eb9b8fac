//! Which questions does a post ask of its pictures? Each distinct one once, and no more than one post may.

use std::collections::HashMap;

use crate::domain::ContentHash;

/// The questions of a post: whether and where a picture shows what a phrase says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Looks {
    /// For each question the first mention and the first picture that ask it, in reading order: the pictures of the first
    /// mention, those of the second, and so on.
    pub(super) asked: Vec<(usize, usize)>,
    /// Distinct questions that were left out.
    pub(super) left_out: usize,
    /// For each mention and each picture the question that is theirs; none where that was left out.
    of: Vec<Option<usize>>,
    pictures: usize,
}

impl Looks {
    /// The questions of mentions with these phrases about these pictures, the first `most` of them.
    pub(super) fn new(phrases: &[&str], pictures: &[ContentHash], most: usize) -> Self {
        let mut numbers: HashMap<(&str, ContentHash), Option<usize>> = HashMap::new();
        let mut looks = Self { asked: Vec::new(), left_out: 0, of: Vec::new(), pictures: pictures.len() };
        for (mention, phrase) in phrases.iter().enumerate() {
            for (picture, hash) in pictures.iter().enumerate() {
                let number = *numbers.entry((phrase, *hash)).or_insert_with(|| {
                    if looks.asked.len() == most {
                        looks.left_out += 1;
                        return None;
                    }
                    looks.asked.push((mention, picture));
                    Some(looks.asked.len() - 1)
                });
                looks.of.push(number);
            }
        }
        looks
    }

    /// The pictures that a mention is tried on, each with the number of the question.
    pub(super) fn of_mention(&self, mention: usize) -> impl Iterator<Item = (usize, usize)> {
        let own = &self.of[mention * self.pictures..(mention + 1) * self.pictures];
        own.iter().enumerate().filter_map(|(picture, question)| Some((picture, (*question)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(phrases: &[&str], pictures: &[u8], most: usize) -> Looks {
        let hashes: Vec<_> = pictures.iter().map(|&picture| ContentHash([picture; 32])).collect();
        Looks::new(phrases, &hashes, most)
    }

    fn of_each(looks: &Looks, mentions: usize) -> Vec<Vec<(usize, usize)>> {
        (0..mentions).map(|mention| looks.of_mention(mention).collect()).collect()
    }

    #[test]
    fn equal_phrases_and_equal_pictures_share_their_questions() {
        let found = looks(&["ann", "bob", "ann"], &[1, 2, 1], 9);
        assert_eq!((&found.asked[..], found.left_out), (&[(0, 0), (0, 1), (1, 0), (1, 1)][..], 0));
        let (ann, bob) = (vec![(0, 0), (1, 1), (2, 0)], vec![(0, 2), (1, 3), (2, 2)]);
        assert_eq!(of_each(&found, 3), [ann.clone(), bob, ann]);
    }

    #[test]
    fn the_first_questions_in_reading_order_are_asked_and_the_others_are_counted_once() {
        let found = looks(&["ann", "bob", "cid", "bob", "ann"], &[1, 2], 3);
        assert_eq!((&found.asked[..], found.left_out), (&[(0, 0), (0, 1), (1, 0)][..], 3));
        let (ann, bob) = (vec![(0, 0), (1, 1)], vec![(0, 2)]);
        assert_eq!(of_each(&found, 5), [ann.clone(), bob.clone(), vec![], bob, ann]);
    }

    #[test]
    fn without_phrases_or_pictures_nothing_is_asked() {
        assert_eq!(of_each(&looks(&["ann", "bob"], &[], 9), 2), [vec![], vec![]]);
        assert_eq!(looks(&[], &[1], 9).asked, []);
        assert_eq!(looks(&["ann"], &[1], 0).left_out, 1);
    }
}
