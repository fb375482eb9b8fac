//! Queue tests: members of a batch, their order and the limits.

use std::num::NonZeroUsize;

use proptest::prelude::*;

use super::*;

fn queue<T>(max_requests: usize, max_tokens: u32) -> Queue<T> {
    let max_requests = NonZeroUsize::new(max_requests).unwrap();
    Queue::new(Budget { max_requests, max_tokens, patience: Duration::from_secs(1) })
}

fn filled(max_requests: usize, max_tokens: u32, costs: &[u32]) -> Queue<usize> {
    let mut queue = queue(max_requests, max_tokens);
    let start = Instant::now();
    for (index, &cost) in costs.iter().enumerate() {
        queue.push(index, Flow::default(), Cost(cost), start + Duration::from_millis(index as u64));
    }
    queue
}

fn items(batch: Batch<usize>) -> Vec<usize> {
    batch.members.into_iter().map(|member| member.item).collect()
}

#[test]
fn a_batch_holds_the_oldest_request_and_others_of_its_class() {
    type Budgets = (usize, u32);
    // What, the most requests and cost, the costs that wait, the members of the next batch.
    let cases: [(&str, Budgets, &[u32], &[usize]); 9] = [
        ("up to the count", (3, 1000), &[10, 10, 10, 10], &[0, 1, 2]),
        ("up to the cost", (8, 35), &[10, 10, 10, 10], &[0, 1, 2]),
        ("a large one alone", (8, 35), &[100, 10, 10], &[0]),
        ("not the large one beside others", (8, 35), &[10, 100, 10], &[0, 2]),
        ("the oldest one's class first", (8, 1000), &[100, 10, 10, 100], &[0, 3]),
        ("then a neighbour that pads little", (8, 1000), &[100, 98, 85], &[0, 1, 2]),
        ("not one that pads much", (8, 1000), &[100, 50], &[0]),
        (
            "more narrow ones make room for a wider one",
            (8, 1000),
            &[100, 100, 100, 100, 130, 86],
            &[0, 1, 2, 3, 5],
        ),
        ("nothing is free", (2, 1), &[0, 0], &[0]),
    ];
    for (name, (max_requests, max_tokens), costs, members) in cases {
        assert_eq!(items(filled(max_requests, max_tokens, costs).bind(|_| true)), members, "{name}");
    }
}

#[test]
fn abandoned_requests_are_dropped_and_take_no_place() {
    let mut queue = filled(2, 1000, &[10, 10, 10, 10, 10, 99]);
    let batch = queue.bind(|&item| item != 0 && item != 2 && item != 5);
    assert_eq!(batch.abandoned, 3);
    assert_eq!(items(batch), [1, 3]);
    assert_eq!(queue.len(), 1);
    let nobody = queue.bind(|_| false);
    assert_eq!((nobody.members.len(), nobody.abandoned), (0, 1));
    assert!(queue.is_empty() && queue.offer().is_none());
}

#[test]
fn an_offer_is_as_full_as_its_fuller_measure() {
    let fill = |costs: &[u32]| filled(4, 100, costs).offer().map(|offer| offer.fill);
    assert_eq!(fill(&[]), None);
    assert_eq!(fill(&[1]), Some(0.25));
    assert_eq!(fill(&[60]), Some(0.6));
    assert_eq!(fill(&[60, 60, 60]), Some(1.0));
}

#[test]
fn a_batch_ends_at_the_knee_unless_a_full_one_waits_and_memory_that_ran_out_ends_it_earlier() {
    let mut queue = filled(64, 64, &[1; 127]);
    for size in [1_u64, 2, 4, 8, 16, 32, 64] {
        // A rate that stops growing at 8.
        queue.batch_was_clean(size, Duration::from_millis(size.max(8)), false);
    }
    assert_eq!(queue.bind(|_| true).members.len(), 64);
    assert_eq!(queue.bind(|_| true).members.len(), 8);
    queue.memory_ran_out(8);
    assert_eq!(queue.bind(|_| true).members.len(), 4);
}

#[test]
fn many_lengths_are_padded_little() {
    // Half tweets, half one width: whatever comes, what is computed stays near what was asked for.
    let costs: Vec<u32> = (0..1000_u32).map(|index| 8 + index.wrapping_mul(2_654_435_761) % 120).collect();
    let mut queue = filled(32, 100_000, &costs);
    let (mut padded, mut real) = (0, 0);
    while !queue.is_empty() {
        let batch = queue.bind(|_| true);
        padded += batch.padded();
        real += batch.real();
    }
    assert!((padded as f64) < 1.15 * real as f64, "{padded} computed for {real}");
}

proptest! {
    #[test]
    fn every_request_leaves_once_within_the_budget_in_the_order_of_its_class(
        costs in prop::collection::vec(0_u32..300, 1..120),
        abandoned in prop::collection::vec(any::<bool>(), 120),
        max_requests in 1_usize..20,
        max_tokens in 1_u32..2000,
        binds_between in 1_usize..8,
    ) {
        let mut queue = queue(max_requests, max_tokens);
        let start = Instant::now();
        let (mut answered, mut dropped) = (Vec::new(), 0);
        let mut bind = |queue: &mut Queue<usize>| {
            let oldest = queue.classes.values().flatten().filter(|request| !abandoned[request.item]);
            let oldest = oldest.map(|request| request.item).min();
            let batch = queue.bind(|&item| !abandoned[item]);
            prop_assert_eq!(batch.members.first().map(|member| member.item), oldest, "the oldest first");
            prop_assert!(batch.members.len() <= max_requests);
            prop_assert!(batch.members.len() <= 1 || batch.padded() <= u64::from(max_tokens));
            prop_assert!(batch.padded() as f64 <= 1.25 * batch.real() as f64 + 0.001);
            for class in 0..100 {
                let of_class = |member: &&Bound<usize>| class_of(weight(member.cost)) == class;
                prop_assert!(batch.members.iter().filter(of_class).map(|member| member.item).is_sorted());
            }
            dropped += batch.abandoned;
            answered.extend(items(batch));
            Ok(())
        };
        for (item, &cost) in costs.iter().enumerate() {
            queue.push(item, Flow::default(), Cost(cost), start + Duration::from_micros(item as u64));
            if item % binds_between == 0 {
                bind(&mut queue)?;
            }
        }
        while !queue.is_empty() {
            bind(&mut queue)?;
        }
        answered.sort_unstable();
        let wanted: Vec<usize> = (0..costs.len()).filter(|&item| !abandoned[item]).collect();
        prop_assert_eq!(dropped, costs.len() - wanted.len());
        prop_assert_eq!(answered, wanted);
        prop_assert_eq!(queue.cost, 0);
    }

    #[test]
    fn a_batch_of_equals_is_exactly_full(waiting in 1_usize..200, max_requests in 1_usize..64) {
        let mut queue = filled(max_requests, u32::MAX, &vec![17; waiting]);
        prop_assert_eq!(queue.bind(|_| true).members.len(), waiting.min(max_requests));
    }
}

/// Requests of several flows, and who asked for them: the costs of one flow are all alike.
fn of_flows(queue: &mut Queue<(usize, usize)>, flows: &[Flow], whose: usize, number: usize, cost: u32) {
    queue.push((whose, number), flows[whose], Cost(cost), Instant::now());
}

proptest! {
    #[test]
    fn a_newcomer_waits_for_at_most_two_requests_of_each_other_flow(
        crowds in prop::collection::vec((1_usize..60, 1_u32..300), 1..8),
        binds_before in 0_usize..20,
        cost in 1_u32..300,
        max_requests in 1_usize..20,
        comes_again in any::<bool>(),
    ) {
        let all = crate::scheduler::Flows::default();
        let flows: Vec<Flow> = (0..=crowds.len()).map(|_| all.begin()).collect();
        let mut queue: Queue<(usize, usize)> = queue(max_requests, 1_000_000);
        for (whose, &(count, cost)) in crowds.iter().enumerate() {
            (0..count).for_each(|number| of_flows(&mut queue, &flows, whose, number, cost));
        }
        (0..binds_before).for_each(|_| drop(queue.bind(|_| true)));
        let newcomer = crowds.len();
        of_flows(&mut queue, &flows, newcomer, 0, cost);
        let mut binds = 0;
        loop {
            binds += 1;
            prop_assert!(binds <= 2 * crowds.len() + 1, "each batch has the request whose turn it is");
            let batch = queue.bind(|_| true);
            if batch.members.iter().any(|member| member.item.0 == newcomer) {
                break;
            }
            // Whoever asks again and again is no sooner served for it.
            for member in batch.members.iter().filter(|_| comes_again) {
                let (whose, number) = member.item;
                of_flows(&mut queue, &flows, whose, number + 1000, crowds[whose].1);
            }
        }
    }

    #[test]
    fn flows_that_always_have_requests_get_equal_shares(
        flows in 2_usize..6,
        max_requests in 1_usize..20,
        rounds in 1_usize..30,
    ) {
        let all = crate::scheduler::Flows::default();
        let ids: Vec<Flow> = (0..flows).map(|_| all.begin()).collect();
        let mut queue: Queue<(usize, usize)> = queue(max_requests, 1_000_000);
        for whose in 0..flows {
            // As many as one flow has places.
            (0..2 * max_requests).for_each(|number| of_flows(&mut queue, &ids, whose, number, 17));
        }
        let mut served = vec![0_usize; flows];
        for number in 0..rounds {
            for member in queue.bind(|_| true).members {
                let whose = member.item.0;
                served[whose] += 1;
                of_flows(&mut queue, &ids, whose, number, 17);
            }
        }
        let (least, most) = (served.iter().min().unwrap(), served.iter().max().unwrap());
        prop_assert!(most - least <= 1, "{:?}", served);
    }
}
