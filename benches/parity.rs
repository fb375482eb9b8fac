//! Full-size parity: published networks compute what their originals compute. `tests/parity/full.py` makes the
//! weights and the answers of one; `cargo bench --bench parity -- FOLDER NAME` fails where the network here differs.

use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use riveg::common::imaging::View;
use riveg::domain::{ContentHash, Frame};
use riveg::networks::albef::{Albef, AlbefConfig};
use riveg::networks::blocks::preset::Preset;
use riveg::networks::bundle::load_weights;
use riveg::networks::checkpoint::{Checkpoint, convert};
use riveg::networks::grounding_dino::{
    GROUNDING_DINO, GroundingDino, GroundingDinoConfig, Prompt, Proposals, Seen,
};
use riveg::networks::ofa::{Choice, Ofa, OfaConfig};
use riveg::networks::sam::{Sam, SamConfig};
use riveg::networks::sam2::{Sam2, Sam2Config};
use riveg::networks::seqtr::{Cells, SeqTr, SeqTrConfig};
use riveg::networks::tagger::{SoftmaxConfig, Tagger, TaggerConfig, TokenClassifier};
use riveg::networks::umt::{Umt, UmtConfig};
use tch::nn::{Path as Root, VarStore};
use tch::{Device, Kind, Tensor};

use compared::{Original, TOLERANCE, relative_error};

#[path = "../tests/parity/compared.rs"]
mod compared;

/// Precisions whose distance from single precision is told of some networks, and is no failure.
const LOWER: [(&str, Kind); 2] = [("bf16", Kind::BFloat16), ("f16", Kind::Half)];

/// One network's input and answer, and where its weights are.
struct Case {
    tensors: BTreeMap<String, Tensor>,
    weights: PathBuf,
    original: Original,
}

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [folder, name] = arguments.as_slice() else {
        eprintln!(
            "parity: give a folder and the name of a network that full.py made there, as `make parity` does"
        );
        return ExitCode::FAILURE;
    };
    let _no_grad = tch::no_grad_guard();
    let case =
        |network, reference| Case::read(Path::new(folder), Original { network, size: "full", reference });
    match name.as_str() {
        "xlm-roberta-large" => tagger(&case("xlm-roberta-large", "transformers 5.23.0"), 1, &LOWER),
        "deberta-v3-base" => classifier(&case("deberta-v3-base", "transformers 5.23.0")),
        "bert-large-cased" => tagger(&case("bert-large-cased", "transformers 5.23.0"), 0, &[]),
        "ofa-large" => ofa(&case("ofa-large", "modelscope 1.40.2")),
        "sam-vit-b" => sam(&case("sam-vit-b", "transformers 5.23.0")),
        "sam-vit-l" => sam(&case("sam-vit-l", "transformers 5.23.0")),
        "sam-vit-h" => sam(&case("sam-vit-h", "transformers 5.23.0")),
        "sam2.1-hiera-tiny" => sam2(&case("sam2.1-hiera-tiny", "transformers 5.23.0")),
        "sam2.1-hiera-small" => sam2(&case("sam2.1-hiera-small", "transformers 5.23.0")),
        "sam2.1-hiera-base-plus" => sam2(&case("sam2.1-hiera-base-plus", "transformers 5.23.0")),
        "sam2.1-hiera-large" => sam2(&case("sam2.1-hiera-large", "transformers 5.23.0")),
        "albef-base" => albef(&case("albef-base", "salesforce-lavis 1.0.2")),
        "seqtr-refcoco" => seqtr(&case("seqtr-refcoco", "re-statement, torch 2.11.0")),
        "seqtr-refcoco-contour" => seqtr(&case("seqtr-refcoco-contour", "re-statement, torch 2.11.0")),
        "grounding-dino-tiny" => grounding_dino(&case("grounding-dino-tiny", "transformers 5.23.0")),
        "grounding-dino-base" => grounding_dino(&case("grounding-dino-base", "transformers 5.23.0")),
        "umt-base-resnet152" => umt(&case("umt-base-resnet152", "re-statement, transformers 5.23.0")),
        _ => {
            eprintln!("parity: no network is called `{name}`");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

impl Case {
    fn read(folder: &Path, original: Original) -> Self {
        let file = |part: &str| folder.join(format!("{}.{part}.safetensors", original.network));
        let tensors = Tensor::read_safetensors(file("case")).expect("full.py wrote it").into_iter().collect();
        Self { tensors, weights: file("weights"), original }
    }

    fn get(&self, name: &str) -> &Tensor {
        &self.tensors[name]
    }

    fn close(&self, name: &str, ours: &Tensor) {
        self.original.close(name, ours, self.get(name));
    }

    /// The same where single precision itself may put the original farther off than that: `exact` is what it says in double
    /// precision, and its distance from that is the limit then. The network here may be no farther off than twice that.
    fn close_but_for_rounding(&self, tap: &str, ours: &Tensor) {
        let (theirs, exact, network) =
            (self.get(tap), self.get(&format!("exact.{tap}")), self.original.network);
        let [error, own, rounding] =
            [(ours, theirs), (ours, exact), (theirs, exact)].map(|(one, other)| relative_error(one, other));
        println!(
            "{network} {tap}: {error:.1e}; from double precision {own:.1e}, the original {rounding:.1e}"
        );
        let limit = TOLERANCE.max(rounding);
        assert!(error < limit, "{network} {tap}: relative error {error:e}, limit {limit:e}");
        assert!(own < 2.0 * limit, "{network} {tap}: {own:e} from double precision");
        self.original.note("error", error);
        self.original.note("rounding", rounding);
    }

    fn numbers<T>(&self, name: &str) -> Vec<T>
    where
        Vec<T>: TryFrom<Tensor>,
    {
        Vec::try_from(self.get(name).flatten(0, -1)).ok().expect("numbers of that type")
    }

    /// The network with the weights of the file, all of them and no others, in that precision.
    fn load<N>(&self, kind: Kind, make: impl FnOnce(&Root<'_>) -> N) -> N {
        let mut store = VarStore::new(Device::Cpu);
        let network = make(&store.root());
        store.set_kind(kind);
        store.freeze();
        let source = BufReader::new(File::open(&self.weights).expect("full.py wrote it"));
        load_weights(&store, &self.weights, source, &[]).unwrap_or_else(|error| panic!("{error}"));
        network
    }

    /// The same, of a file with the names that were published.
    fn load_published(&self, make: impl FnOnce(&Root<'_>) -> GroundingDino) -> GroundingDino {
        let checkpoint = Checkpoint::open(&self.weights).expect("full.py wrote it");
        let renamed = self.weights.with_extension("renamed");
        convert(&checkpoint, &GROUNDING_DINO, &renamed, None).unwrap_or_else(|error| panic!("{error}"));
        let case = Self { tensors: BTreeMap::new(), weights: renamed, original: self.original };
        let network = case.load(Kind::Float, make);
        std::fs::remove_file(&case.weights).expect("it was written");
        network
    }

    /// Both count the same parameters.
    fn count(&self, ours: u64) {
        assert_eq!(self.get("parameters").int64_value(&[0]) as u64, ours, "{}", self.original.network);
        self.original.note("parameters", ours as f64);
    }
}

fn preset<C: Preset>(case: &Case) -> C {
    C::preset(case.original.network).expect("a published size")
}

fn tagger(case: &Case, pad: i64, lower: &[(&'static str, Kind)]) {
    let config: TaggerConfig = preset(case);
    assert_eq!(config.pad, pad);
    case.count(config.parameters());
    let emissions = |network: &Tagger| {
        network.emissions(case.get("pieces"), case.get("mask"), case.get("first_pieces"), 0.0)
    };
    let single = {
        let network = case.load(Kind::Float, |root| Tagger::new(root, config.clone()));
        let answer = emissions(&network);
        case.close("emissions", &answer);
        let words = case.get("first_pieces").ones_like().to_kind(Kind::Bool);
        let best = network.crf.decode(&answer, &words).concat();
        let best: Vec<i64> = best.into_iter().map(|label| label as i64).collect();
        case.original.same("labels", &best, &case.numbers("best"));
        answer
    };
    for &(column, kind) in lower {
        let network = case.load(kind, |root| Tagger::new(root, config.clone()));
        case.original.note(column, relative_error(&emissions(&network), &single));
    }
}

fn classifier(case: &Case) {
    let config: SoftmaxConfig = preset(case);
    case.count(config.parameters());
    let network = case.load(Kind::Float, |root| TokenClassifier::new(root, config.0.clone()));
    let answer = network.emissions(case.get("pieces"), case.get("mask"), case.get("first_pieces"), 0.0);
    case.close("emissions", &answer);
    case.original.same_choices("labels", &answer, case.get("emissions"));
}

fn ofa(case: &Case) {
    let config: OfaConfig = preset(case);
    case.count(config.parameters() + config.drawing_parameters());
    let logits = |network: &Ofa, kind: Kind| {
        let trunk = network.trunk(&case.get("pixels").to_kind(kind), false);
        let encoded = network.encode(&trunk, case.get("tokens"), false);
        let logits = network.decode(&encoded, case.get("prefix"), false);
        (encoded, logits)
    };
    let single = {
        let network = case.load(Kind::Float, |root| Ofa::new(root, &config)).freeze();
        let (encoded, answer) = logits(&network, Kind::Float);
        case.close("logits", &answer);
        case.original.same_choices("logits", &answer, case.get("logits"));
        let answers = network.answer_logits(&encoded, case.get("tokens"), false);
        case.close("answers", &answers);
        case.original.same_choices("answers", &answers, case.get("answers"));
        let beams: Vec<_> =
            network.locate(&encoded, 5, Choice::Anything).expect("it can be computed").concat();
        let tokens: Vec<i64> = beams.iter().flat_map(|beam| beam.tokens.clone()).collect();
        case.original.same("beams", &tokens, &case.numbers("beam.tokens"));
        let scores: Vec<f32> = beams.iter().map(|beam| beam.score).collect();
        case.close("beam.scores", &Tensor::from_slice(&scores).view([1, -1]));
        answer
    };
    for (column, kind) in LOWER {
        let network = case.load(kind, |root| Ofa::new(root, &config)).freeze();
        case.original.note(column, relative_error(&logits(&network, kind).1, &single));
    }
}

fn sam(case: &Case) {
    let config: SamConfig = preset(case);
    case.count(config.parameters());
    let network = case.load(Kind::Float, |root| Sam::new(root, &config)).freeze();
    let encoding = network.encode(case.get("pixels"));
    case.close("encoding", &encoding);
    let boxes = case.get("boxes");
    let cells = encoding.index_select(0, &Tensor::zeros([boxes.size()[0]], (Kind::Int64, Device::Cpu)));
    let (masks, ious) = network.decode(&cells, boxes);
    case.close("masks", &masks);
    case.close("ious", &ious);
    case.original.same("pixels", &inside(&masks), &inside(case.get("masks")));
}

fn sam2(case: &Case) {
    let config: Sam2Config = preset(case);
    case.count(config.parameters());
    let network = case.load(Kind::Float, |root| Sam2::new(root, &config)).freeze();
    let encoded = network.encode(case.get("pixels"));
    case.close("fine", &encoded.fine);
    case.close("middle", &encoded.middle);
    case.close("coarse", &encoded.coarse);
    let boxes = case.get("boxes");
    let rows = Tensor::zeros([boxes.size()[0]], (Kind::Int64, Device::Cpu));
    let decoded = network.decode(&encoded, &rows, boxes);
    case.close("masks", &decoded.masks);
    case.close("ious", &decoded.ious);
    case.original.same("pixels", &inside(&decoded.masks), &inside(case.get("masks")));
}

fn inside(masks: &Tensor) -> Vec<bool> {
    Vec::<bool>::try_from(masks.gt(0.0).flatten(0, -1)).expect("of booleans")
}

fn albef(case: &Case) {
    let config: AlbefConfig = preset(case);
    case.count(config.parameters());
    let network = case.load(Kind::Float, |root| Albef::new(root, &config));
    let seen = network.see(case.get("pixels"));
    case.close("seen", &seen);
    let logits = network.logits(case.get("tokens"), case.get("mask"), &seen, case.get("rows"));
    case.close("logits", &logits);
    case.original.same_choices("logits", &logits, case.get("logits"));
}

fn seqtr(case: &Case) {
    let config: SeqTrConfig = preset(case);
    case.count(config.parameters());
    let network = case.load(Kind::Float, |root| SeqTr::new(root, &config)).freeze();
    let phrase = network.phrase(case.get("words"));
    case.close("phrase", &phrase);
    let fused = network.fuse(&network.picture(&network.maps(case.get("pixels"))), &phrase);
    case.close("fused", &fused);
    // A cell has 32 pixels a side; one that the picture reaches into is of the picture.
    let cells = |size: &[i64]| Cells { columns: (size[0] + 31) / 32, rows: (size[1] + 31) / 32 };
    let sizes: Vec<i64> = case.numbers("sizes");
    let encoded = network.encode(&fused, &sizes.chunks(2).map(cells).collect::<Vec<_>>());
    // What the encoder says of cells without a picture means nothing, there and here.
    let hidden = case.get("hidden").unsqueeze(-1);
    let shown = |memory: &Tensor| memory.masked_fill(&hidden, 0.0);
    case.original.close("memory", &shown(&encoded.states), &shown(case.get("memory")));
    let tokens = case.get("tokens");
    case.close("logits", &network.logits(&encoded, &tokens.narrow(1, 0, tokens.size()[1] - 1)));
    let answers = network.answer(&encoded).expect("it can be computed");
    let ours: Vec<Vec<i64>> = answers.into_iter().map(|answer| answer.bins).collect();
    // An answer is over at the end token, which is the last.
    let until_end = |row: &[i64]| row.iter().copied().take_while(|&token| token != config.bins).collect();
    let theirs: Vec<Vec<i64>> =
        case.numbers("tokens").chunks(tokens.size()[1] as usize).map(until_end).collect();
    assert_eq!(ours, theirs, "{} answers otherwise", case.original.network);
    case.original.note("decisions", theirs.concat().len() as f64);
}

fn grounding_dino(case: &Case) {
    let config: GroundingDinoConfig = preset(case);
    case.count(config.parameters());
    let network = case.load_published(|root| GroundingDino::new(root, &config));
    let seen = grounding_dino_sees(case, &network);
    case.close("cells", &seen.cells);
    let pieces: Vec<i64> = case.numbers("pieces");
    let prompt = Prompt::of(&pieces.iter().map(|&piece| piece as u32).collect::<Vec<_>>(), &config);
    let words = network.words(&prompt);
    case.close("words", &words);
    let encoded = network.encode(&seen, &words, &prompt);
    case.close("encoded.cells", &encoded.cells);
    case.close("encoded.words", &encoded.words);
    // Of nine hundred proposals some fit equally well but for the last digits; each takes the place of one alike.
    let ours = network.propose(&seen, &encoded);
    let theirs = case.get("order");
    let fits = |order: &Tensor| case.get("fits").index_select(0, order);
    case.original.close("fits", &fits(&ours.cells), &fits(theirs));
    let moved = ours.cells.not_equal_tensor(theirs).sum(Kind::Int64).int64_value(&[]);
    println!("{}: {moved} proposals in the place of another", case.original.network);
    case.original.note("decisions", (theirs.size()[0] - moved) as f64);
    // From the same proposals on, everything is compared.
    let proposals = Proposals { cells: theirs.shallow_clone(), boxes: case.get("proposed").shallow_clone() };
    let detected = network.decode(&seen, &encoded, &proposals);
    case.close_but_for_rounding("logits", &detected.logits);
    case.close_but_for_rounding("boxes", &detected.boxes);
    case.original.same_choices("best word", &detected.logits, case.get("logits"));
    let best = best_row(&detected.logits);
    case.original.same("best box", &[best], &case.numbers("best"));
    // From the picture to the box; of the original there is the order alone among proposals that fit equally well.
    let found = network.decode(&seen, &encoded, &in_order(&ours, &proposals));
    case.close_but_for_rounding("logits", &found.logits);
    case.close_but_for_rounding("boxes", &found.boxes);
    case.original.same("best box from the picture", &[best_row(&found.logits)], &case.numbers("best"));
}

/// The picture as the published processor scales it, pixel for pixel, and as the network sees it.
fn grounding_dino_sees(case: &Case, network: &GroundingDino) -> Seen {
    let levels = case.get("levels");
    let [height, width] = [0, 1].map(|side| levels.size()[side] as u32);
    let rgb = Vec::try_from(levels.flatten(0, -1)).expect("bytes");
    let frame = Frame { hash: ContentHash([0; 32]), width, height, orientation: 1, reduced: 1, rgb };
    let config = network.config();
    let shown = View::shortest_side(config.shortest_side as u32, config.longest_side as u32).of(&frame);
    let (height, width) = (i64::from(shown.height), i64::from(shown.width));
    let pixels = network.pixels(&Tensor::from_slice(&shown.rgb).view([height, width, 3]));
    case.close("pixels", &pixels);
    network.see(network.cells(&pixels), (height, width))
}

/// Own proposals in the order of others; of a cell that is not among them, the others' box.
fn in_order(own: &Proposals, others: &Proposals) -> Proposals {
    let cells = Vec::<i64>::try_from(&own.cells).expect("whole numbers");
    let order = Vec::<i64>::try_from(&others.cells).expect("whole numbers");
    let boxes = order.iter().enumerate().map(|(row, cell)| match cells.iter().position(|own| own == cell) {
        Some(place) => own.boxes.get(place as i64),
        None => others.boxes.get(row as i64),
    });
    let boxes = Tensor::stack(&boxes.collect::<Vec<_>>(), 0);
    Proposals { cells: others.cells.shallow_clone(), boxes }
}

/// The row with the largest number.
fn best_row(logits: &Tensor) -> i64 {
    logits.amax(-1, false).argmax(None, false).int64_value(&[])
}

fn umt(case: &Case) {
    let config: UmtConfig = preset(case);
    case.count(config.parameters());
    let network = case.load(Kind::Float, |root| Umt::new(root, &config)).freeze();
    let seen = network.see(&network.pixels(case.get("levels")), false);
    case.close("seen", &seen);
    let mask = case.get("mask");
    let fused = network.fuse(case.get("pieces"), mask, &seen.index_select(0, case.get("rows")), 0.0);
    // What stands where there is no piece means nothing, there and here.
    case.close("fused", &(&fused * mask.unsqueeze(-1)));
    let features = Umt::pooled(&fused, mask);
    case.close("features", &features);
    case.original.same_choices("largest feature", &features, case.get("features"));
}
