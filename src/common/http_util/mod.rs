//! HTTP clients' common tools: circuit breakers, retries, `Retry-After`, and the causes of errors in words.

mod breaker;
mod causes;
mod retry;
mod retry_after;

pub use breaker::{Breaker, BreakerPass, CallOutcome, CircuitOpen};
pub use causes::causes_of;
pub use retry::{RetrySchedule, Retryable, backoff, with_retries};
pub use retry_after::retry_after;
