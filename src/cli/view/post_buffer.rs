//! Post buffer: posts whose answers have not come, and answers whose posts have not, bounded in bytes, number and time.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::source_post::SourcePost;

/// How long an answer waits for its post, which is read from another topic at the same time.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// The most answers that wait. More come only where no posts are read at all; then they need not wait.
const MAX_WAITING: usize = 1000;

/// Posts by their ids, the latest that fit.
#[derive(Debug)]
pub(super) struct PostBuffer {
    max_bytes: u64,
    bytes: u64,
    posts: HashMap<String, Arc<SourcePost>>,
    /// In the order in which they came.
    order: VecDeque<Arc<SourcePost>>,
}

/// Answers without their posts.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    answers: VecDeque<(Instant, T)>,
}

impl PostBuffer {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self { max_bytes, bytes: 0, posts: HashMap::new(), order: VecDeque::new() }
    }

    /// Adds a post; the oldest make room.
    pub(super) fn push(&mut self, post: SourcePost) {
        let post = Arc::new(post);
        self.bytes += post.bytes;
        self.posts.insert(post.id.clone(), Arc::clone(&post));
        self.order.push_back(post);
        while self.order.len() > 1 && self.bytes > self.max_bytes {
            let Some(oldest) = self.order.pop_front() else { break };
            self.bytes -= oldest.bytes;
            // A later post may have its id.
            if self.posts.get(&oldest.id).is_some_and(|there| Arc::ptr_eq(there, &oldest)) {
                self.posts.remove(&oldest.id);
            }
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<&Arc<SourcePost>> {
        self.posts.get(id)
    }
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { answers: VecDeque::new() }
    }
}

impl<T> Waiting<T> {
    pub(super) fn push(&mut self, answer: T, now: Instant) {
        self.answers.push_back((now, answer));
    }

    /// The answers whose posts are there, and those that have waited long enough, in the order in which they came.
    pub(super) fn take(&mut self, now: Instant, is_there: impl Fn(&T) -> bool) -> Vec<T> {
        let too_many = self.answers.len().saturating_sub(MAX_WAITING);
        let (mut ready, mut others) = (Vec::new(), VecDeque::new());
        for (place, (since, answer)) in self.answers.drain(..).enumerate() {
            let is_over = now.saturating_duration_since(since) >= PATIENCE || place < too_many;
            if is_over || is_there(&answer) {
                ready.push(answer);
            } else {
                others.push_back((since, answer));
            }
        }
        self.answers = others;
        ready
    }
}

#[cfg(test)]
mod tests {
    use super::super::source_post::PostReader;
    use super::*;
    use crate::config::{Config, Sources};

    fn post(id: &str) -> SourcePost {
        let config = Config::load(&Sources::default()).unwrap().config;
        let record = format!(r#"{{"id":"{id}","text":"{}"}}"#, "x".repeat(100));
        PostReader::new(&config).read(&record.into(), None).remove(0)
    }

    #[test]
    fn the_oldest_posts_make_room_and_a_repeated_id_stays_with_its_latest_post() {
        let bytes = post("a").bytes;
        let mut buffer = PostBuffer::new(2 * bytes);
        ["a", "b", "a"].iter().for_each(|id| buffer.push(post(id)));
        assert!(buffer.get("a").is_some() && buffer.get("b").is_some());
        buffer.push(post("c"));
        assert!(buffer.get("a").is_some() && buffer.get("b").is_none() && buffer.get("c").is_some());
        let mut small = PostBuffer::new(1);
        small.push(post("a"));
        assert!(small.get("a").is_some(), "the newest stays");
    }

    #[test]
    fn an_answer_waits_for_its_post_and_not_for_ever() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        [1, 2, 3].iter().for_each(|&answer| waiting.push(answer, now));
        assert_eq!(waiting.take(now, |&answer| answer == 2), [2]);
        assert!(waiting.take(now, |_| false).is_empty());
        assert_eq!(waiting.take(now + PATIENCE, |_| false), [1, 3]);
        (0..=MAX_WAITING).for_each(|answer| waiting.push(answer, now));
        assert_eq!(waiting.take(now, |_| false), [0], "there are too many");
    }
}
