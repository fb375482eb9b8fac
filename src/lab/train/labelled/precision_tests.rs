//! Tests of trainings that compute in bf16: gradients near those of 32 bits, resuming to the bit, weights of 32 bits.

use super::super::parameters::Parameters;
use super::adapter_tests::{Ending, adaptation, backward, beginning, trained};
use super::test_support::has_32_bits;
use super::tests::fixture;
use crate::networks::bundle::Precision;

#[test]
fn gradients_of_a_tagger_are_near_those_of_torch_in_32_bits() {
    let fixture = fixture();
    let (stores, mut task) = beginning(2, Precision::Bf16);
    let parameters = Parameters::of(&stores);
    backward(&mut task, &parameters);
    // The norm of all gradients decides what counts.
    let norm = fixture["norms"].double_value(&[0]);
    let mut furthest = 0.0_f64;
    for (name, weight) in parameters.learnt() {
        let off =
            (weight.grad() - &fixture[&format!("gradient.{name}")]).abs().max().double_value(&[]) / norm;
        assert!(off < 0.01, "the gradient of {name} is off by {off}");
        furthest = furthest.max(off);
    }
    assert!(furthest > 1e-5, "it computes in 32 bits");
}

#[test]
fn a_tagger_learns_and_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let in_bf16 = (&adaptation(0, &[], &[]), Precision::Bf16);
    let mut whole = Ending::default();
    let [begun, ended] = trained(folder.path(), in_bf16, &mut whole).unwrap();
    assert!(whole.losses[11] < 0.8 * whole.losses[0], "{:?}", whole.losses);
    for (name, weight) in &ended {
        assert!(!weight.equal(&begun[name]), "{name} has not changed");
    }
    assert!(has_32_bits(&ended["linear.weight"]));

    let broken = folder.path().join("broken");
    std::fs::create_dir(&broken).unwrap();
    let mut first = Ending { after: Some(10), ..Ending::default() };
    assert_eq!(trained(&broken, in_bf16, &mut first).unwrap_err().to_string(), "it is ended");
    let mut second = Ending::default();
    let [_, again] = trained(&broken, in_bf16, &mut second).unwrap();
    assert_eq!(second.losses, whole.losses[8..], "to the bit");
    assert!(ended.iter().all(|(name, tensor)| tensor.equal(&again[name])), "to the bit");
}
