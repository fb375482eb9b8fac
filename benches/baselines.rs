//! Baseline batching policies on the simulator's clock: one lane, one device, first in first out.

use std::collections::VecDeque;
use std::time::Duration;

/// When a batch's members are fixed.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    /// Every request runs alone.
    BatchOfOne,
    /// The first request of a batch waits this long for others, unless the batch fills earlier.
    FixedDelay(Duration),
    /// The members of the next batch are fixed when the current batch starts.
    EarlyBinding,
}

/// The time at which each arrival's batch finished, with at most `most` members per batch.
pub(crate) fn finished(
    rule: Rule,
    arrivals: &[Duration],
    most: usize,
    service: impl Fn(usize) -> Duration,
) -> Vec<Duration> {
    let mut finished = vec![Duration::ZERO; arrivals.len()];
    let mut waiting: VecDeque<usize> = VecDeque::new();
    let mut next = 0;
    let mut free_at = Duration::ZERO;
    // The batch that early binding has already fixed.
    let mut bound: Vec<usize> = Vec::new();
    loop {
        admit(&mut waiting, &mut next, arrivals, free_at);
        let batch: Vec<usize> = match rule {
            Rule::EarlyBinding if !bound.is_empty() => std::mem::take(&mut bound),
            _ => {
                let Some(&first) = waiting.front().or((next < arrivals.len()).then_some(&next)) else {
                    return finished;
                };
                free_at = free_at.max(arrivals[first]);
                admit(&mut waiting, &mut next, arrivals, free_at);
                let size = match rule {
                    Rule::BatchOfOne => 1,
                    Rule::FixedDelay(delay) => {
                        let until = free_at + delay;
                        while waiting.len() < most && arrivals.get(next).is_some_and(|&at| at <= until) {
                            free_at = arrivals[next];
                            waiting.push_back(next);
                            next += 1;
                        }
                        if waiting.len() < most {
                            free_at = until;
                        }
                        most
                    }
                    Rule::EarlyBinding => most,
                };
                waiting.drain(..size.min(waiting.len())).collect()
            }
        };
        let done = free_at + service(batch.len());
        if matches!(rule, Rule::EarlyBinding) {
            // Fixed at once from the waiting requests, otherwise from the first that arrives while this batch runs.
            if waiting.is_empty() && arrivals.get(next).is_some_and(|&at| at <= done) {
                waiting.push_back(next);
                next += 1;
            }
            bound = waiting.drain(..most.min(waiting.len())).collect();
        }
        for index in batch {
            finished[index] = done;
        }
        free_at = done;
    }
}

fn admit(waiting: &mut VecDeque<usize>, next: &mut usize, arrivals: &[Duration], now: Duration) {
    while arrivals.get(*next).is_some_and(|&at| at <= now) {
        waiting.push_back(*next);
        *next += 1;
    }
}
