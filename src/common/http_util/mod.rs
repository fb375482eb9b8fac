//! HTTP clients' common tools: circuit breakers, retries, `Retry-After`, the causes of errors in words, and single texts.

mod breaker;
mod causes;
mod retry;
mod retry_after;
mod text_client;

pub use breaker::{Breaker, BreakerPass, CallOutcome, CircuitOpen};
pub use causes::causes_of;
pub use retry::{RetrySchedule, Retryable, backoff, with_retries};
pub use retry_after::retry_after;
pub use text_client::TextClient;
