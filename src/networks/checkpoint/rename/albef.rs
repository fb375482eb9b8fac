//! What ALBEF's tensors are called: as here, but for what only its training needs, and BERT's own name in between.

use super::pattern::reason;
use super::{Renamed, keep};

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

/// The names of ALBEF's authors and of LAVIS.
pub(super) fn albef(name: &str) -> Renamed {
    match reason(&DROPS, name) {
        Some(reason) => Renamed::Drop(reason),
        None => keep(&RULES, name),
    }
}
