//! ALBEF's published tensor names: those used here, what only training needs, and BERT's own name in between.

use crate::networks::checkpoint::{Family, Renamed, reason};

/// An ALBEF, as its authors and LAVIS save it.
pub static ALBEF: Family = Family {
    name: "ALBEF",
    signs: &["visual_encoder.patch_embed.proj.weight"],
    rename,
    copies: &[],
    head: Some(("cls_head.0.weight", "the head that says whether a picture entails a text")),
};

const MOMENTUM: &str = "is a slow copy that only training needs";
const QUEUE: &str = "is a memory of training";
const CONTRAST: &str = "serves only to compare pictures and texts in training";
const HEAD: &str = "is a head of pretraining";
const COMPUTED: &str = "is counted, not learnt";

const DROPS: [(&str, &str); 21] = [
    ("visual_encoder_m.*", MOMENTUM),
    ("text_encoder_m.*", MOMENTUM),
    ("vision_proj_m.*", MOMENTUM),
    ("text_proj_m.*", MOMENTUM),
    ("cls_head_m.*", MOMENTUM),
    ("image_queue", QUEUE),
    ("text_queue", QUEUE),
    ("idx_queue", QUEUE),
    ("queue_ptr", QUEUE),
    ("ptr_queue", QUEUE),
    ("temp", CONTRAST),
    ("vision_proj.*", CONTRAST),
    ("text_proj.*", CONTRAST),
    ("itm_head.*", HEAD),
    ("text_encoder.cls.*", HEAD),
    ("text_encoder.pooler.*", HEAD),
    ("text_encoder.bert.pooler.*", HEAD),
    ("text_encoder.embeddings.position_ids", COMPUTED),
    ("text_encoder.bert.embeddings.position_ids", COMPUTED),
    ("text_encoder.embeddings.token_type_ids", COMPUTED),
    ("text_encoder.bert.embeddings.token_type_ids", COMPUTED),
];

/// A text encoder that is trained to fill in words stands inside the network that does.
const RULES: [(&str, &str); 1] = [("text_encoder.bert.*", "text_encoder.*")];

fn rename(name: &str) -> Renamed {
    match reason(&DROPS, name) {
        Some(reason) => Renamed::Drop(reason),
        None => Renamed::by(&RULES, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::checkpoint::becomes;

    #[test]
    fn albef_loses_what_only_its_training_needs() {
        becomes(
            &ALBEF,
            &[
                (
                    "visual_encoder.blocks.11.attn.qkv.weight",
                    Some("visual_encoder.blocks.11.attn.qkv.weight"),
                ),
                (
                    "text_encoder.bert.encoder.layer.6.crossattention.self.key.bias",
                    Some("text_encoder.encoder.layer.6.crossattention.self.key.bias"),
                ),
                (
                    "text_encoder.encoder.layer.6.crossattention.self.key.bias",
                    Some("text_encoder.encoder.layer.6.crossattention.self.key.bias"),
                ),
                ("cls_head.2.weight", Some("cls_head.2.weight")),
                ("text_encoder.cls.predictions.decoder.weight", None),
                ("text_encoder.bert.embeddings.position_ids", None),
                ("visual_encoder_m.blocks.0.norm1.weight", None),
                ("text_encoder_m.bert.embeddings.word_embeddings.weight", None),
                ("cls_head_m.0.weight", None),
                ("image_queue", None),
                ("queue_ptr", None),
                ("temp", None),
                ("itm_head.weight", None),
                ("vision_proj.weight", None),
                ("temperature", Some("temperature")),
            ],
        );
    }
}
