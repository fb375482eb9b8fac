//! Fusion of picture and phrase. Finer maps flow into coarser ones, then every cell is multiplied by the phrase.

use tch::Tensor;
use tch::nn;

use super::config::SeqTrConfig;
use super::darknet::ConvLeaky;

/// The fusion.
#[derive(Debug)]
pub(super) struct Fusion {
    fine_to_middle: ConvLeaky,
    middle_to_coarse: ConvLeaky,
    project: [ConvLeaky; 2],
}

impl Fusion {
    pub(super) fn new(vs: &nn::Path, config: &SeqTrConfig) -> Self {
        let [fine, middle, coarse] = [8, 16, 32].map(|times| times * config.darknet_width);
        let all = fine + middle + coarse;
        let project = vs / "top_project";
        // The numbers 1 count the pooling before each convolution, which has no parameters.
        Self {
            fine_to_middle: ConvLeaky::new(&(vs / "down_bot2mid" / 1), (fine, fine), (3, 1)),
            middle_to_coarse: ConvLeaky::new(
                &(vs / "down_mid2top" / 1),
                (fine + middle, fine + middle),
                (3, 1),
            ),
            project: [
                ConvLeaky::new(&(&project / 0), (all, all), (3, 1)),
                ConvLeaky::new(&(&project / 1), (all, coarse), (1, 1)),
            ],
        }
    }

    /// The picture's side of the product, `[B, 32 w, g, g]` of -1 to 1, from the trunk's three maps.
    pub(super) fn picture(&self, [fine, middle, coarse]: &[Tensor; 3]) -> Tensor {
        let middle = Tensor::cat(&[&self.fine_to_middle.forward(&halved(fine)), middle], 1);
        let coarse = Tensor::cat(&[&self.middle_to_coarse.forward(&halved(&middle)), coarse], 1);
        let [widen, narrow] = &self.project;
        narrow.forward(&widen.forward(&coarse)).tanh()
    }

    /// The product, `[B, 32 w, g, g]`, of what [`Fusion::picture`] gives and phrases `[B, 32 w]`.
    pub(super) fn forward(picture: &Tensor, phrase: &Tensor) -> Tensor {
        picture * phrase.tanh().unsqueeze(-1).unsqueeze(-1)
    }

    pub(super) fn freeze(&mut self) {
        let [widen, narrow] = &mut self.project;
        for conv in [&mut self.fine_to_middle, &mut self.middle_to_coarse, widen, narrow] {
            conv.freeze();
        }
    }
}

fn halved(map: &Tensor) -> Tensor {
    map.avg_pool2d([2, 2], [2, 2], [0, 0], false, true, None)
}
