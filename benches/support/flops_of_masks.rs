//! Floor of the arithmetic of segmenters: SAM and SAM 2, on one picture and on one box.

use riveg::networks::descriptor::{Network, SegmentDescriptor};
use riveg::networks::sam::SamConfig;
use riveg::networks::sam2::Sam2Config;

use super::flops::EACH;

/// Tokens of SAM's decoder: IoU, four masks, two corners.
const SAM_TOKENS: f64 = 7.0;
/// Those of SAM 2's: beside them whether there is an object, and a point that is none.
const SAM2_TOKENS: f64 = 9.0;
/// Numbers of a picture that a cell of SAM 2's first stage sees.
const SAM2_PATCH: f64 = 3.0 * 7.0 * 7.0;

/// A mask decoder.
struct Decoder {
    tokens: f64,
    cells: f64,
    width: i64,
    inner: i64,
    layers: i64,
}

/// Operations of a segmenter on one picture, and on one box.
pub(super) fn segmenter(network: &Network<SegmentDescriptor>) -> [f64; 2] {
    let dimensions = network.dimensions();
    match network.descriptor().architecture.name {
        "sam2" => {
            let config: Sam2Config = dimensions.config();
            let decoder = Decoder {
                tokens: SAM2_TOKENS,
                cells: cells(&config, 2),
                width: config.output_channels,
                inner: config.decoder_mlp,
                layers: config.decoder_layers,
            };
            [encode_sam2(&config), decoder.mask()]
        }
        "sam" => {
            let config: SamConfig = dimensions.config();
            let decoder = Decoder {
                tokens: SAM_TOKENS,
                cells: (config.grid() * config.grid()) as f64,
                width: config.output_channels,
                inner: config.decoder_mlp,
                layers: config.decoder_layers,
            };
            [encode_sam(&config), decoder.mask()]
        }
        other => panic!("nobody has counted the operations of `{other}`"),
    }
}

fn encode_sam(config: &SamConfig) -> f64 {
    let (width, out) = (config.hidden as f64, config.output_channels as f64);
    let tokens = (config.grid() * config.grid()) as f64;
    let inner = config.encoder_mlp() as f64;
    let blocks: f64 = (0..config.layers)
        .map(|layer| {
            let side = config.attended_side(layer) as f64;
            let attention = 2.0 * side * side + 2.0 * side;
            tokens * (4.0 * width * width + 2.0 * width * inner + attention * width)
        })
        .sum();
    let patches = tokens * 3.0 * (config.patch_size * config.patch_size) as f64 * width;
    EACH * (patches + blocks + tokens * (width * out + 9.0 * out * out))
}

/// Cells of SAM 2 at a stage.
fn cells(config: &Sam2Config, stage: usize) -> f64 {
    (config.grid(stage) * config.grid(stage)) as f64
}

fn encode_sam2(config: &Sam2Config) -> f64 {
    let width = |stage: usize| config.widths[stage] as f64;
    let (mut sum, mut number) = (cells(config, 0) * SAM2_PATCH * width(0), 0);
    for (stage, &count) in config.blocks.iter().enumerate() {
        for index in 0..count {
            // The first block of a stage reads the cells of the stage before, and halves their grid.
            let before = if index == 0 { stage.saturating_sub(1) } else { stage };
            let (from, to, inner) = (width(before), width(stage), config.encoder_mlp(stage) as f64);
            let (read, written) = (cells(config, before), cells(config, stage));
            let window = config.windows[before].min(config.grid(before)) as f64;
            let seen = if config.global_blocks.contains(&number) { read } else { window * window };
            sum += read * from * 3.0 * to + 2.0 * written * seen * to + written * to * (to + 2.0 * inner);
            if before != stage {
                sum += read * from * to;
            }
            number += 1;
        }
    }
    // The two finer levels go to the decoder's width and narrower in one step.
    let out = config.output_channels as f64;
    let outputs = [out / 8.0, out / 4.0, out, out];
    let levels = outputs.into_iter().enumerate();
    sum += levels.map(|(stage, out)| cells(config, stage) * width(stage) * out).sum::<f64>();
    EACH * sum
}

impl Decoder {
    fn mask(&self) -> f64 {
        let Self { tokens, cells, .. } = *self;
        let (width, inner) = (self.width as f64, self.inner as f64);
        let across = (tokens + cells) * width * width + tokens * cells * width;
        let own = tokens * (4.0 * width * width + 2.0 * width * inner);
        let transformer = self.layers as f64 * (own + 2.0 * across) + across;
        let upscaling = cells * width * width + 4.0 * cells * width * width / 8.0;
        let masks = 4.0 * 16.0 * cells * width / 8.0;
        EACH * (transformer + upscaling + masks)
    }
}
