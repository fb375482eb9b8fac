//! Window: the latest posts and dead letters of a feed, bounded in number and in bytes, and the figures of the engine.

use std::collections::VecDeque;
use std::sync::Arc;

use super::shown_post::ShownPost;

/// Dead letters that are kept: a screenful many times over, at most some kilobytes each.
pub(super) const MAX_LETTERS: usize = 200;

/// What pages are shown. Posts and letters have numbers that grow by one.
#[derive(Debug)]
pub(super) struct Window {
    max_posts: usize,
    max_bytes: u64,
    posts: VecDeque<Arc<ShownPost>>,
    bytes: u64,
    next_post: u64,
    letters: VecDeque<Arc<str>>,
    next_letter: u64,
    figures: Option<(u64, Arc<str>)>,
}

/// How far a page has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cursor {
    pub(super) post: u64,
    pub(super) letter: u64,
    /// The number of the latest figures that it has.
    pub(super) figures: u64,
}

/// What a page has not read yet.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// Posts with their numbers.
    pub(super) posts: Vec<(u64, Arc<ShownPost>)>,
    pub(super) letters: Vec<Arc<str>>,
    pub(super) figures: Option<Arc<str>>,
    /// Posts that have left the window before the page read them.
    pub(super) missed: u64,
    /// Where the page is afterwards.
    pub(super) cursor: Cursor,
}

impl Window {
    pub(super) fn new(max_posts: usize, max_bytes: u64) -> Self {
        Self {
            max_posts,
            max_bytes,
            posts: VecDeque::new(),
            bytes: 0,
            next_post: 0,
            letters: VecDeque::new(),
            next_letter: 0,
            figures: None,
        }
    }

    /// Adds a post; the oldest make room. The newest stays, however large it is.
    pub(super) fn push_post(&mut self, post: ShownPost) {
        self.bytes += post.bytes();
        self.posts.push_back(Arc::new(post));
        self.next_post += 1;
        while self.posts.len() > 1 && (self.posts.len() > self.max_posts || self.bytes > self.max_bytes) {
            if let Some(oldest) = self.posts.pop_front() {
                self.bytes -= oldest.bytes();
            }
        }
    }

    pub(super) fn push_letter(&mut self, json: String) {
        self.letters.push_back(json.into());
        self.next_letter += 1;
        if self.letters.len() > MAX_LETTERS {
            self.letters.pop_front();
        }
    }

    pub(super) fn set_figures(&mut self, json: String) {
        let number = self.figures.as_ref().map_or(1, |(number, _)| number + 1);
        self.figures = Some((number, json.into()));
    }

    /// Where a new page begins: with the latest `posts`, and all letters.
    pub(super) fn latest(&self, posts: u64) -> Cursor {
        Cursor {
            post: self.first_post().max(self.next_post.saturating_sub(posts)),
            letter: self.next_letter - self.letters.len() as u64,
            figures: 0,
        }
    }

    /// What comes after a cursor, in posts of `max_bytes` of JSON and at least one.
    pub(super) fn after(&self, cursor: Cursor, max_bytes: usize) -> Unread {
        let first = self.first_post();
        let begin = cursor.post.clamp(first, self.next_post);
        let mut unread = Unread { missed: first.saturating_sub(cursor.post), ..Unread::default() };
        let mut bytes = 0;
        for (number, post) in (first..).zip(&self.posts).skip((begin - first) as usize) {
            if bytes > 0 && bytes + post.json.len() > max_bytes {
                break;
            }
            bytes += post.json.len();
            unread.posts.push((number, Arc::clone(post)));
        }
        let first_letter = self.next_letter - self.letters.len() as u64;
        let letter = cursor.letter.clamp(first_letter, self.next_letter);
        unread.letters = self.letters.iter().skip((letter - first_letter) as usize).cloned().collect();
        let newest = self.figures.as_ref().map_or(0, |(number, _)| *number);
        unread.figures =
            self.figures.as_ref().filter(|_| newest != cursor.figures).map(|(_, json)| Arc::clone(json));
        unread.cursor =
            Cursor { post: begin + unread.posts.len() as u64, letter: self.next_letter, figures: newest };
        unread
    }

    /// The post of a number.
    pub(super) fn post(&self, number: u64) -> Option<Arc<ShownPost>> {
        let place = number.checked_sub(self.first_post())?;
        self.posts.get(usize::try_from(place).ok()?).cloned()
    }

    /// The latest post with an id, and its number.
    pub(super) fn by_id(&self, id: &str) -> Option<(u64, Arc<ShownPost>)> {
        let place = self.posts.iter().rposition(|post| post.id == id)?;
        Some((self.first_post() + place as u64, Arc::clone(&self.posts[place])))
    }

    fn first_post(&self) -> u64 {
        self.next_post - self.posts.len() as u64
    }
}

impl Unread {
    pub(super) fn is_empty(&self) -> bool {
        self.posts.is_empty() && self.letters.is_empty() && self.figures.is_none() && self.missed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(id: &str, bytes: usize) -> ShownPost {
        ShownPost { id: id.to_owned(), json: "x".repeat(bytes), pictures: Vec::new() }
    }

    fn window(posts: usize, bytes: u64, ids: &[&str]) -> Window {
        let mut window = Window::new(posts, bytes);
        ids.iter().for_each(|id| window.push_post(post(id, 100)));
        window
    }

    fn ids(unread: &Unread) -> Vec<(u64, &str)> {
        unread.posts.iter().map(|(number, post)| (*number, post.id.as_str())).collect()
    }

    #[test]
    fn the_oldest_posts_make_room_by_number_and_by_bytes() {
        let by_number = window(2, 10_000, &["a", "b", "c"]);
        assert_eq!(ids(&by_number.after(by_number.latest(9), 10_000)), [(1, "b"), (2, "c")]);
        let two = 2 * post("a", 100).bytes();
        let by_bytes = window(9, two, &["a", "b", "c"]);
        assert_eq!(ids(&by_bytes.after(by_bytes.latest(9), 10_000)), [(1, "b"), (2, "c")]);
        let mut large = window(9, two, &["a"]);
        large.push_post(post("large", 9000));
        assert_eq!(ids(&large.after(large.latest(9), 1)), [(1, "large")], "the newest stays");
    }

    #[test]
    fn a_page_goes_on_where_it_was_and_is_told_what_it_missed() {
        let mut window = window(3, 10_000, &["a", "b", "c"]);
        let first = window.after(window.latest(2), 150);
        assert_eq!((ids(&first), first.missed), (vec![(1, "b")], 0), "one fits");
        let second = window.after(first.cursor, 10_000);
        assert_eq!(ids(&second), [(2, "c")]);
        assert!(window.after(second.cursor, 10_000).is_empty());
        ["d", "e", "f", "g"].iter().for_each(|id| window.push_post(post(id, 1)));
        let late = window.after(second.cursor, 10_000);
        assert_eq!((ids(&late), late.missed), (vec![(4, "e"), (5, "f"), (6, "g")], 1));
        let ahead = Cursor { post: 99, letter: 99, figures: 99 };
        assert!(window.after(ahead, 10_000).posts.is_empty(), "a cursor from elsewhere does no harm");
    }

    #[test]
    fn posts_are_found_by_number_and_the_latest_by_id() {
        let window = window(3, 10_000, &["a", "b", "a", "c"]);
        assert_eq!(window.post(3).unwrap().id, "c");
        assert!(window.post(0).is_none() && window.post(4).is_none());
        assert_eq!(window.by_id("a").unwrap().0, 2);
        assert!(window.by_id("z").is_none());
    }

    #[test]
    fn letters_are_bounded_and_figures_are_sent_once() {
        let mut window = Window::new(1, 1);
        (0..MAX_LETTERS + 5).for_each(|number| window.push_letter(number.to_string()));
        window.set_figures("{}".to_owned());
        let first = window.after(window.latest(1), 1);
        assert_eq!((first.letters.len(), &*first.letters[0]), (MAX_LETTERS, "5"));
        assert!(first.figures.is_some() && window.after(first.cursor, 1).is_empty());
        window.set_figures("{}".to_owned());
        assert!(window.after(first.cursor, 1).figures.is_some());
    }
}
