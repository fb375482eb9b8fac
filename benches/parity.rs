//! Do the published networks compute at full size what their Python originals compute? `tests/parity/full.py` made the
//! weights and the answers; `make parity` runs both. Prints a table and fails where one differs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use riveg::bundle::load_weights;
use riveg::models::ofa::{Ofa, OfaConfig};
use riveg::models::preset::Preset;
use riveg::models::sam::{Sam, SamConfig};
use riveg::models::tagger::{Tagger, TaggerConfig};
use tch::nn::{Path as Root, VarStore};
use tch::{Device, Tensor};

/// Of the largest number that is compared.
const TOLERANCE: f64 = 1e-4;

/// One network's input and answer.
type Case = BTreeMap<String, Tensor>;

/// What is printed of a network.
struct Row {
    reference: &'static str,
    parameters: u64,
    error: f64,
}

fn main() -> ExitCode {
    let folder =
        std::env::var_os("RIVEG_PARITY").map_or_else(|| PathBuf::from("target/parity"), PathBuf::from);
    let names = ["xlm-roberta-large", "ofa-large", "sam-vit-b", "sam-vit-h"];
    let made: Vec<&str> = names.into_iter().filter(|name| weights(&folder, name).exists()).collect();
    if made.is_empty() {
        println!("no full-size networks in `{}`: `make parity` makes them", folder.display());
        return ExitCode::FAILURE;
    }
    println!("{:<20}{:<34}{:>14}{:>14}", "network", "reference", "parameters", "max error");
    let mut right = true;
    for name in made {
        let Row { reference, parameters, error } = compared(&folder, name);
        let verdict = if error <= TOLERANCE { "" } else { "  TOO FAR" };
        println!("{name:<20}{reference:<34}{parameters:>14}{error:>14.2e}{verdict}");
        right &= error <= TOLERANCE;
    }
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn weights(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.weights.safetensors"))
}

fn compared(folder: &Path, name: &str) -> Row {
    let case = folder.join(format!("{name}.case.safetensors"));
    let case: Case = Tensor::read_safetensors(case).expect("full.py wrote it").into_iter().collect();
    let file = weights(folder, name);
    let _no_grad = tch::no_grad_guard();
    match name.split('-').next() {
        Some("xlm") => tagger(&file, name, &case),
        Some("ofa") => ofa(&file, name, &case),
        _ => sam(&file, name, &case),
    }
}

/// A network with the weights of the file, all of them and no others.
fn loaded<N>(file: &Path, make: impl FnOnce(&Root<'_>) -> N) -> N {
    let mut store = VarStore::new(Device::Cpu);
    let network = make(&store.root());
    store.freeze();
    let source = BufReader::new(File::open(file).expect("it is there"));
    load_weights(&store, file, source, &[]).unwrap_or_else(|error| panic!("{error}"));
    network
}

fn tagger(file: &Path, name: &str, case: &Case) -> Row {
    let config = TaggerConfig::preset(name).expect("a published size");
    let parameters = config.parameters();
    assert_eq!(parameters as i64, case["parameters"].int64_value(&[0]), "{name}");
    let network = loaded(file, |root| Tagger::new(root, config));
    let answer = network.emissions(&case["pieces"], &case["mask"], &case["first_pieces"], 0.0);
    assert_eq!(answer.argmax(-1, false), case["answer"].argmax(-1, false), "{name} decides otherwise");
    Row { reference: "transformers, pytorch-crf", parameters, error: error(&answer, &case["answer"]) }
}

fn ofa(file: &Path, name: &str, case: &Case) -> Row {
    let config = OfaConfig::preset(name).expect("a published size");
    let parameters = config.parameters() + config.drawing_parameters();
    assert_eq!(parameters as i64, case["parameters"].int64_value(&[0]), "{name}");
    let network = loaded(file, |root| Ofa::new(root, &config)).freeze();
    let encoded = network.encode(&network.trunk(&case["pixels"], false), &case["tokens"], false);
    let answer = network.decode(&encoded, &case["prefix"], false);
    assert_eq!(answer.argmax(-1, false), case["answer"].argmax(-1, false), "{name} decides otherwise");
    Row { reference: "modelscope", parameters, error: error(&answer, &case["answer"]) }
}

fn sam(file: &Path, name: &str, case: &Case) -> Row {
    let config = SamConfig::preset(name).expect("a published size");
    let parameters = config.parameters();
    assert_eq!(parameters as i64, case["parameters"].int64_value(&[0]), "{name}");
    let network = loaded(file, |root| Sam::new(root, &config));
    let encoding = network.encode(&case["pixels"]);
    let boxes = &case["boxes"];
    let cells = encoding.index_select(0, &Tensor::zeros([boxes.size()[0]], (tch::Kind::Int64, Device::Cpu)));
    let (masks, ious) = network.decode(&cells, boxes);
    let taps = [(&encoding, "encoding"), (&masks, "answer"), (&ious, "ious")]
        .map(|(ours, theirs)| error(ours, &case[theirs]));
    Row { reference: "transformers", parameters, error: taps.into_iter().fold(0.0, f64::max) }
}

/// The largest difference, of the largest number.
fn error(ours: &Tensor, theirs: &Tensor) -> f64 {
    assert_eq!(ours.size(), theirs.size());
    let difference = (ours - theirs).abs().max().double_value(&[]);
    difference / theirs.abs().max().double_value(&[])
}
