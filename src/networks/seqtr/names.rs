//! Published tensor names of SeqTR: those used here, but for what batch norms count.

use super::is_redundant;
use crate::networks::checkpoint::{Family, Renamed};

/// A SeqTR, as its authors' training saves it.
pub(super) static SEQTR: Family =
    Family { name: "SeqTR", signs: &[super::import::STEPS], rename, copies: &[], head: None };

fn rename(name: &str) -> Renamed {
    if is_redundant(name) { Renamed::Drop("is counted, not learnt") } else { Renamed::kept(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::checkpoint::becomes;

    #[test]
    fn only_the_counts_of_norms_are_left_out() {
        becomes(
            &SEQTR,
            &[
                ("vis_enc.darknet.0.conv.weight", Some("vis_enc.darknet.0.conv.weight")),
                ("vis_enc.darknet.2.module_list.0.1.bn.num_batches_tracked", None),
                (
                    "vis_enc.darknet.2.module_list.0.1.bn.running_var",
                    Some("vis_enc.darknet.2.module_list.0.1.bn.running_var"),
                ),
                ("lan_enc.lstm.weight_hh_l0_reverse", Some("lan_enc.lstm.weight_hh_l0_reverse")),
                // Of a network for boxes and contours at once, which is another.
                ("head.task_embedding.weight", Some("head.task_embedding.weight")),
            ],
        );
    }
}
