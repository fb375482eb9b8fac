//! Picture queries: each distinct pair of phrase and captioned picture once, within the limit of one post.

use std::collections::HashMap;

use crate::domain::ContentHash;

/// The queries of a post: whether and where a picture shows a phrase.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PictureQueries {
    /// For each distinct query, the first mention and the first picture that need it, in reading order: all pictures of
    /// the first mention, then those of the second.
    pub(super) distinct: Vec<(usize, usize)>,
    /// Distinct queries beyond the limit.
    pub(super) dropped: usize,
    /// For each mention and each picture, the number of its query; none where the query was dropped.
    numbers: Vec<Option<usize>>,
    pictures: usize,
}

impl PictureQueries {
    /// The queries of these phrases on these pictures with their captions, the first `max_queries` of them. One picture
    /// under two captions is asked about twice, because prompts may hold the caption.
    pub(super) fn new(phrases: &[&str], pictures: &[(ContentHash, &str)], max_queries: usize) -> Self {
        let mut numbers: HashMap<(&str, (ContentHash, &str)), Option<usize>> = HashMap::new();
        let mut queries =
            Self { distinct: Vec::new(), dropped: 0, numbers: Vec::new(), pictures: pictures.len() };
        for (mention, phrase) in phrases.iter().enumerate() {
            for (picture, captioned) in pictures.iter().enumerate() {
                let number = *numbers.entry((phrase, *captioned)).or_insert_with(|| {
                    if queries.distinct.len() == max_queries {
                        queries.dropped += 1;
                        return None;
                    }
                    queries.distinct.push((mention, picture));
                    Some(queries.distinct.len() - 1)
                });
                queries.numbers.push(number);
            }
        }
        queries
    }

    /// The pictures of a mention, each with the number of its query.
    pub(super) fn of_mention(&self, mention: usize) -> impl Iterator<Item = (usize, usize)> {
        let own = &self.numbers[mention * self.pictures..(mention + 1) * self.pictures];
        own.iter().enumerate().filter_map(|(picture, query)| Some((picture, (*query)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queries(phrases: &[&str], pictures: &[u8], max_queries: usize) -> PictureQueries {
        let pictures: Vec<_> = pictures.iter().map(|&picture| (ContentHash([picture; 32]), "")).collect();
        PictureQueries::new(phrases, &pictures, max_queries)
    }

    #[test]
    fn one_picture_under_two_captions_is_two_pictures() {
        let picture = ContentHash([1; 32]);
        let found = PictureQueries::new(&["ann"], &[(picture, "a"), (picture, "b"), (picture, "a")], 9);
        assert_eq!(found.distinct, [(0, 0), (0, 1)]);
        assert_eq!(of_each(&found, 1), [vec![(0, 0), (1, 1), (2, 0)]]);
    }

    fn of_each(queries: &PictureQueries, mentions: usize) -> Vec<Vec<(usize, usize)>> {
        (0..mentions).map(|mention| queries.of_mention(mention).collect()).collect()
    }

    #[test]
    fn equal_phrases_and_equal_pictures_share_their_queries() {
        let found = queries(&["ann", "bob", "ann"], &[1, 2, 1], 9);
        assert_eq!((&found.distinct[..], found.dropped), (&[(0, 0), (0, 1), (1, 0), (1, 1)][..], 0));
        let (ann, bob) = (vec![(0, 0), (1, 1), (2, 0)], vec![(0, 2), (1, 3), (2, 2)]);
        assert_eq!(of_each(&found, 3), [ann.clone(), bob, ann]);
    }

    #[test]
    fn the_first_queries_in_reading_order_are_kept_and_the_dropped_ones_are_counted_once() {
        let found = queries(&["ann", "bob", "cid", "bob", "ann"], &[1, 2], 3);
        assert_eq!((&found.distinct[..], found.dropped), (&[(0, 0), (0, 1), (1, 0)][..], 3));
        let (ann, bob) = (vec![(0, 0), (1, 1)], vec![(0, 2)]);
        assert_eq!(of_each(&found, 5), [ann.clone(), bob.clone(), vec![], bob, ann]);
    }

    #[test]
    fn without_phrases_or_pictures_there_are_no_queries() {
        assert_eq!(of_each(&queries(&["ann", "bob"], &[], 9), 2), [vec![], vec![]]);
        assert_eq!(queries(&[], &[1], 9).distinct, []);
        assert_eq!(queries(&["ann"], &[1], 0).dropped, 1);
    }
}
