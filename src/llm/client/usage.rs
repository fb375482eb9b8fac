//! Usage of an endpoint: questions, tokens and money so far.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// What an endpoint was asked so far. Answers from the cache are not in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Answered questions.
    pub questions: u64,
    /// Tokens of the questions, as the server counts them.
    pub tokens_in: u64,
    /// Tokens of the answers, as the server counts them.
    pub tokens_out: u64,
    /// The price of these tokens, in the currency of the settings; none where the settings have no price.
    pub price: Option<f64>,
}

/// Counters of a running endpoint.
#[derive(Debug, Default)]
pub(super) struct UsageCounters {
    questions: AtomicU64,
    tokens_in: AtomicU64,
    tokens_out: AtomicU64,
}

/// Prices are of a million tokens.
const MILLION: f64 = 1e6;

impl UsageCounters {
    pub(super) fn answered(&self, (tokens_in, tokens_out): (u64, u64)) {
        self.questions.fetch_add(1, Ordering::Relaxed);
        self.tokens_in.fetch_add(tokens_in, Ordering::Relaxed);
        self.tokens_out.fetch_add(tokens_out, Ordering::Relaxed);
    }

    /// The usage so far, at these prices of a million tokens. Two prices of 0 are no price.
    pub(super) fn so_far(&self, (price_in, price_out): (f64, f64)) -> Usage {
        let [questions, tokens_in, tokens_out] = [&self.questions, &self.tokens_in, &self.tokens_out]
            .map(|counter| counter.load(Ordering::Relaxed));
        let price = (tokens_in as f64 * price_in + tokens_out as f64 * price_out) / MILLION;
        let price = (price_in + price_out > 0.0).then_some(price);
        Usage { questions, tokens_in, tokens_out, price }
    }
}

impl Usage {
    /// The usage with its share of one of `posts` posts.
    #[must_use]
    pub fn per_post(self, posts: u64) -> UsagePerPost {
        UsagePerPost { usage: self, posts }
    }
}

/// A usage, to be shown with its share of one post.
#[derive(Debug, Clone, Copy)]
pub struct UsagePerPost {
    usage: Usage,
    posts: u64,
}

impl UsagePerPost {
    /// The usage of all posts together.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.usage
    }
}

impl fmt::Display for UsagePerPost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Usage { questions, tokens_in, tokens_out, price } = self.usage;
        let of_post = |count: f64| count / self.posts.max(1) as f64;
        write!(
            formatter,
            "{questions} questions, {tokens_in} tokens in, {tokens_out} tokens out; a post: {:.2} questions, {:.0} \
             tokens in, {:.0} tokens out",
            of_post(questions as f64),
            of_post(tokens_in as f64),
            of_post(tokens_out as f64)
        )?;
        match price {
            Some(price) => write!(formatter, ", price {:.6} of {price:.4} in all", of_post(price)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usage_is_shown_with_the_share_of_a_post_and_its_price_if_there_is_one() {
        let counters = UsageCounters::default();
        counters.answered((900, 30));
        counters.answered((1_100, 10));
        let free = counters.so_far((0.0, 0.0));
        assert_eq!(free, Usage { questions: 2, tokens_in: 2_000, tokens_out: 40, price: None });
        let shown = "2 questions, 2000 tokens in, 40 tokens out; a post: 0.50 questions, 500 tokens in, 10 tokens out";
        assert_eq!(free.per_post(4).to_string(), shown);
        let paid = counters.so_far((2.0, 10.0));
        assert!((paid.price.unwrap() - 0.0044).abs() < 1e-9);
        assert_eq!(paid.per_post(4).to_string(), format!("{shown}, price 0.001100 of 0.0044 in all"));
        assert!(Usage::default().per_post(0).to_string().starts_with("0 questions"));
    }
}
