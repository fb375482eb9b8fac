//! Speed of segmenters at published sizes with random weights: milliseconds of encoding one picture and of decoding one and
//! four boxes in it, and the most memory. `cargo bench --bench segmenters -- NAME [THREADS] [ROUNDS]`; `tests/parity/speed.py`
//! measures the Python originals in the same way.

use std::env;
use std::process::ExitCode;
use std::time::Instant;

use riveg::networks::blocks::device::use_threads;
use riveg::networks::blocks::preset::Preset;
use riveg::networks::sam::{Sam, SamConfig};
use riveg::networks::sam2::{Sam2, Sam2Config};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |index: usize, default: u32| match arguments.get(index) {
        Some(given) => given.parse().ok(),
        None => Some(default),
    };
    let (Some(name), Some(threads), Some(rounds)) = (arguments.first(), number(1, 2), number(2, 3)) else {
        eprintln!("segmenters: give the name of a published segmenter, and numbers of threads and rounds");
        return ExitCode::FAILURE;
    };
    use_threads(threads as usize);
    let _no_grad = tch::no_grad_guard();
    let mut store = VarStore::new(Device::Cpu);
    if let Some(config) = SamConfig::preset(name) {
        let network = Sam::new(&store.root(), &config);
        store.freeze();
        let network = network.freeze();
        let each = |encoded: &Tensor, boxes: &Tensor| {
            network.decode(&encoded.expand([boxes.size()[0], -1, -1, -1], false), boxes).0
        };
        measure((name, rounds), |pixels| network.encode(pixels), each);
    } else if let Some(config) = Sam2Config::preset(name) {
        let network = Sam2::new(&store.root(), &config);
        store.freeze();
        let network = network.freeze();
        let decode = |encoded: &_, boxes: &Tensor| {
            let rows = Tensor::zeros([boxes.size()[0]], (Kind::Int64, Device::Cpu));
            network.decode(encoded, &rows, boxes).masks
        };
        measure((name, rounds), |pixels| network.encode(pixels), decode);
    } else {
        eprintln!("segmenters: no segmenter is called `{name}`");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Prints a line for each round, after one that is not measured.
fn measure<E>(
    (name, rounds): (&str, u32),
    encode: impl Fn(&Tensor) -> E,
    decode: impl Fn(&E, &Tensor) -> Tensor,
) {
    let pixels = Tensor::randn([1, 3, 1024, 1024], (Kind::Float, Device::Cpu));
    let boxes = Tensor::from_slice(&[100.0_f32, 80.0, 600.5, 700.25].repeat(4)).view([4, 4]);
    for round in 0..=rounds {
        let (encoding, encoded) = timed(|| encode(&pixels));
        let [one, four] = [1, 4].map(|count| timed(|| decode(&encoded, &boxes.narrow(0, 0, count))).0);
        if round > 0 {
            println!("riveg\t{name}\t{encoding:.1}\t{one:.1}\t{four:.1}\t{}", most_memory());
        }
    }
}

/// Milliseconds, and what was computed.
fn timed<T>(compute: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let computed = compute();
    (start.elapsed().as_secs_f64() * 1e3, computed)
}

/// The most memory that this process has held, in the kernel's words.
fn most_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |line| line.trim().to_owned())
}
