//! Tests of parameters: adapters, copies in 32 bits of a network of 16, what stays, and what a bundle gets.

use tch::nn::{self, Module};

use super::adapter::uniform;
use super::*;
use crate::networks::bundle::Precision;

const PRODUCT: Product = Product { rank: 2, alpha: 3.0, seed: 7 };

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn adapted(stores: &Stores, targets: &[&str], whole: &[&str], product: Product) -> Result<Parameters> {
    Parameters::adapted(stores, &Adapted { targets: &names(targets), whole: &names(whole), product })
}

fn two_layers(root: &nn::Path<'_>) -> [nn::Linear; 2] {
    ["inner", "outer"].map(|name| nn::linear(root / name, 5, 5, Default::default()))
}

fn input() -> Tensor {
    Tensor::from_slice(&[0.3_f32, -1.0, 0.7, 2.0, 0.1, 1.5, 0.2, -0.4, 0.9, -2.0]).view([2, 5])
}

fn distance(left: &Tensor, right: &Tensor) -> f64 {
    (left - right).abs().max().double_value(&[])
}

#[test]
fn gradients_of_factors_are_those_of_the_sum_spelt_out_and_nothing_else_has_any() {
    let stores = Stores::new(Device::Cpu, Precision::F32);
    let [inner, outer] = stores.network(two_layers);
    let begun = inner.ws.detach().copy();
    let adapters = adapted(&stores, &["inner.weight"], &["outer.bias"], PRODUCT).unwrap();
    let learnt = adapters.learnt();
    let (down, up) = (&learnt["inner.weight.down"], &learnt["inner.weight.up"]);
    let input = input();
    no_grad(|| adapters.write());
    assert_eq!(distance(&inner.ws, &begun), 0.0, "the product is 0 at first");
    no_grad(|| {
        let drawn = Tensor::from_slice(&uniform("up", 10, 0.5)).view([5, 2]);
        up.shallow_clone().copy_(&drawn);
    });

    // Two parts of a batch: their gradients are added up.
    for part in [0, 1] {
        adapters.write();
        let output = outer.forward(&inner.forward(&input.narrow(0, part, 1)).tanh());
        output.square().sum(Kind::Float).backward();
    }
    let found = [down.grad(), up.grad(), outer.bs.as_ref().unwrap().grad()];
    let [down, up] = [down, up].map(|factor| factor.detach().copy().set_requires_grad(true));
    let bias = outer.bs.as_ref().unwrap().detach().copy().set_requires_grad(true);
    let sum = &begun + up.matmul(&down) * 1.5;
    let hidden = input.linear(&sum, inner.bs.as_ref()).tanh();
    hidden.linear(&outer.ws, Some(&bias)).square().sum(Kind::Float).backward();
    for (found, spelt_out) in found.iter().zip([down.grad(), up.grad(), bias.grad()]) {
        let largest = spelt_out.abs().max().double_value(&[]);
        assert!(largest > 1e-2 && distance(found, &spelt_out) < 1e-5 * largest, "{found:?}");
    }
    assert!(distance(&inner.ws, &sum) < 1e-6);
    for frozen in [&outer.ws, inner.bs.as_ref().unwrap()] {
        assert!(!frozen.requires_grad() && !frozen.grad().defined());
    }

    // Outside of a training step nothing follows it.
    no_grad(|| adapters.write());
    assert!(!inner.ws.requires_grad() && distance(&inner.ws, &sum) < 1e-6);
}

#[test]
fn factors_depend_on_seed_and_name_and_the_hash_on_what_is_frozen() {
    let made = |seed, weight: f64, whole: f64| {
        let stores = Stores::new(Device::Cpu, Precision::F32);
        for (name, value) in [("a", weight), ("b", 0.0), ("c", whole)] {
            let _ = stores.weights.root().var(name, &[3, 4], nn::Init::Const(value));
        }
        let parameters = adapted(&stores, &["a", "b"], &["c"], Product { seed, ..PRODUCT }).unwrap();
        let factor = |name: &str| Vec::<f32>::try_from(parameters.learnt()[name].reshape([-1])).unwrap();
        (factor("a.down"), factor("b.down"), parameters.frozen().unwrap().to_owned())
    };
    let (first, second, frozen) = made(1, 0.5, 0.0);
    assert_ne!(first, second);
    assert!(first.iter().all(|number| number.abs() <= 0.5) && first.iter().any(|number| number.abs() > 0.2));
    assert_eq!(made(1, 0.5, 9.0), (first.clone(), second, frozen.clone()), "what learns is not in the hash");
    assert_ne!(made(2, 0.5, 0.0).0, first);
    assert_ne!(made(1, 0.6, 0.0).2, frozen);
}

#[test]
fn a_rank_above_that_of_a_matrix_is_refused() {
    let stores = Stores::new(Device::Cpu, Precision::F32);
    let _ = stores.weights.root().zeros("w", &[1, 4]);
    let error = adapted(&stores, &["w"], &[], PRODUCT).unwrap_err().to_string();
    assert!(error.contains("`adapters.rank` is 2, but `w` has 1 rows and 4 columns"), "{error}");
}

/// Layers whose weights have numbers that bf16 rounds.
fn rounded_layers() -> (Stores, [nn::Linear; 2]) {
    let stores = Stores::new(Device::Cpu, Precision::Bf16);
    let layers = stores.network(two_layers);
    for (name, weight) in sorted(&stores.weights) {
        let drawn =
            Tensor::from_slice(&uniform(&name, weight.numel() as i64, 0.7)).view(weight.size().as_slice());
        no_grad(|| weight.shallow_clone().copy_(&drawn));
    }
    (stores, layers)
}

#[test]
fn a_network_of_16_bits_has_rounded_weights_and_what_learns_and_what_a_bundle_gets_has_32() {
    let (stores, [inner, outer]) = rounded_layers();
    let begun: HashMap<String, Tensor> =
        sorted(&stores.weights).into_iter().map(|(name, weight)| (name, weight.detach().copy())).collect();
    let _ = stores.weights.variables()["outer.bias"].set_requires_grad(false);
    let parameters = Parameters::of(&stores);
    let learnt = parameters.learnt();
    assert_eq!(learnt.len(), 4, "a checkpoint has what is frozen, too");
    assert!(learnt.values().all(|weight| weight.kind() == Kind::Float));
    for part in [0, 1] {
        parameters.write();
        let input = input().narrow(0, part, 1).to_kind(Kind::BFloat16);
        let output = outer.forward(&inner.forward(&input).tanh()).to_kind(Kind::Float);
        output.square().sum(Kind::Float).backward();
    }
    assert_eq!(inner.ws.kind(), Kind::BFloat16);
    assert!(!learnt["outer.bias"].requires_grad() && !learnt["outer.bias"].grad().defined());

    // The same in 32 bits.
    let whole: HashMap<&str, Tensor> =
        begun.iter().map(|(name, weight)| (name.as_str(), weight.copy().set_requires_grad(true))).collect();
    let hidden = input().linear(&whole["inner.weight"], Some(&whole["inner.bias"])).tanh();
    let output = hidden.linear(&whole["outer.weight"], Some(&whole["outer.bias"]));
    output.square().sum(Kind::Float).backward();
    for name in ["inner.weight", "inner.bias", "outer.weight"] {
        let (found, expected) = (learnt[name].grad(), whole[name].grad());
        let largest = expected.abs().max().double_value(&[]);
        assert_eq!(found.kind(), Kind::Float);
        let off = distance(&found, &expected) / largest;
        assert!(off > 0.0 && off < 0.02, "the gradient of {name} is off by {off}");
    }

    // A step that 16 bits cannot tell is kept, and adds up.
    for _ in 0..64 {
        let _ = no_grad(|| learnt["inner.weight"].shallow_clone().g_add_scalar_(1e-4));
        no_grad(|| parameters.write());
    }
    let moved = distance(&inner.ws.to_kind(Kind::Float), &begun["inner.weight"]);
    assert!((0.005..0.01).contains(&moved), "{moved}");
    let weights: HashMap<String, Tensor> = parameters.weights().into_iter().collect();
    assert!(distance(&weights["inner.weight"], &(&begun["inner.weight"] + 0.0064)) < 1e-5);
    assert!(weights["outer.bias"].equal(&begun["outer.bias"]), "what is frozen stays, to the bit");
}

#[test]
fn adapters_of_a_network_of_16_bits_are_added_to_weights_of_32() {
    let (stores, [inner, outer]) = rounded_layers();
    let begun = stores.weights.variables()["inner.weight"].detach().copy();
    let parameters = adapted(&stores, &["inner.weight"], &["outer.bias"], PRODUCT).unwrap();
    let learnt = parameters.learnt();
    let up = &learnt["inner.weight.up"];
    no_grad(|| up.shallow_clone().copy_(&Tensor::from_slice(&uniform("up", 10, 0.5)).view([5, 2])));
    parameters.write();
    let input = input().to_kind(Kind::BFloat16);
    outer.forward(&inner.forward(&input).tanh()).to_kind(Kind::Float).square().sum(Kind::Float).backward();
    for name in ["inner.weight.up", "inner.weight.down", "outer.bias"] {
        let gradient = learnt[name].grad();
        assert!(gradient.kind() == Kind::Float && gradient.abs().max().double_value(&[]) > 1e-2, "{name}");
    }
    let sum = &begun + up.matmul(&learnt["inner.weight.down"]) * 1.5;
    let off = distance(&inner.ws.to_kind(Kind::Float), &sum);
    assert!(off > 0.0 && off < 0.02, "{off}");
    let weights: HashMap<String, Tensor> = parameters.weights().into_iter().collect();
    assert!(distance(&weights["inner.weight"], &sum) < 1e-6);
    let kept = &stores.weights.variables()["outer.weight"];
    assert!(weights["outer.weight"].equal(kept) && outer.ws.kind() == Kind::BFloat16);
}
