//! Memory of served networks stays constant over batches. In a process of its own, so that no other test's counts.

use std::process::Command;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::Kind;

use super::networks::all;

/// Set in the process that measures.
const ALONE: &str = "RIVEG_TEST_ALONE";
const NAME: &str = "models::memory::memory_does_not_grow_over_hundreds_of_batches_of_mixed_shapes";

/// Different batches, after which the first comes again; a network has met all shapes long before it is first measured.
const DIFFERENT: usize = 40;
const MOST: usize = 3;
const BATCHES: usize = 280;
const SETTLED: usize = 120;
/// A few of the pictures' encodings, so that others are made and forgotten all the time.
const CACHE_BYTES: usize = 20_000;
/// What the allocator may add by cutting its memory otherwise, which was up to 260 KiB. Tensors of 6.5 KiB that each
/// batch left behind, no more than the hidden states of fifty tokens in a network of these, would make more.
const GROWTH_KIB: u64 = 1024;

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn measure() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let mut batch = |_| (0..rng.random_range(1..=MOST)).map(|_| rng.random_range(0..1000)).collect();
    let batches: Vec<Vec<u64>> = (0..DIFFERENT).map(&mut batch).collect();
    for network in all() {
        let mut run = network.make(Kind::Float, CACHE_BYTES);
        let mut settled = 0;
        for (number, batch) in batches.iter().cycle().take(BATCHES).enumerate() {
            if number == SETTLED {
                settled = resident();
            }
            run(batch);
        }
        let grown = resident().saturating_sub(settled);
        println!("{}: {settled} KiB and {grown} KiB more", network.name);
        assert!(grown <= GROWTH_KIB, "{}: {grown} KiB more than {settled}", network.name);
    }
}

#[test]
fn memory_does_not_grow_over_hundreds_of_batches_of_mixed_shapes() {
    if std::env::var_os(ALONE).is_some() {
        return measure();
    }
    let arguments = ["--exact", NAME, "--nocapture", "--test-threads", "1"];
    let mut alone = Command::new(std::env::current_exe().unwrap());
    let output = alone.args(arguments).env(ALONE, "1").env("MALLOC_ARENA_MAX", "1").output().unwrap();
    let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
}
