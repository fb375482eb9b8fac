//! Names as they are published, and what each becomes.

use super::*;

fn becomes(family: Family, cases: &[(&str, Option<&str>)]) {
    for (name, expected) in cases {
        match (family.rename(name), expected) {
            (Renamed::Keep(ours), Some(expected)) => assert_eq!(&ours, expected, "{name}"),
            (Renamed::Drop(_), None) => {}
            (renamed, _) => panic!("{name} of {family}: {renamed:?}"),
        }
    }
}

#[test]
fn text_encoders_get_the_name_of_the_taggers_encoder() {
    becomes(
        Family::TextEncoder,
        &[
            (
                "roberta.encoder.layer.23.attention.self.query.weight",
                Some("embedder.transformer_model.encoder.layer.23.attention.self.query.weight"),
            ),
            (
                "bert.embeddings.LayerNorm.gamma",
                Some("embedder.transformer_model.embeddings.LayerNorm.weight"),
            ),
            ("embeddings.LayerNorm.beta", Some("embedder.transformer_model.embeddings.LayerNorm.bias")),
            ("roberta.embeddings.position_ids", None),
            ("bert.pooler.dense.weight", None),
            ("pooler.dense.weight", None),
            ("lm_head.layer_norm.weight", None),
            ("cls.predictions.bias", None),
            ("classifier.weight", Some("classifier.weight")),
            ("adapter.gamma", Some("adapter.gamma")),
        ],
    );
    becomes(
        Family::AdaSeq,
        &[
            ("crf.transitions", Some("crf.transitions")),
            ("linear.weight", Some("linear.weight")),
            ("embedder.transformer_model.pooler.dense.bias", None),
            ("embedder.transformer_model.embeddings.position_ids", None),
        ],
    );
}

#[test]
fn layers_of_fairseqs_ofa_get_the_names_of_hugging_face() {
    let layer = |name: &str| format!("decoder.layers.11.{name}.weight");
    for (published, ours) in [
        ("self_attn_ln", "self_attn_mid_layer_norm"),
        ("self_attn_layer_norm", "self_attn_layer_norm"),
        ("encoder_attn.c_attn", "cross_attn.c_attn"),
        ("encoder_attn_layer_norm", "cross_attn_layer_norm"),
        ("cross_attn_ln", "cross_attn_mid_layer_norm"),
        ("ffn_layernorm", "ffn_layer_norm"),
    ] {
        assert_eq!(Family::OfaFairseq.rename(&layer(published)), Renamed::Keep(layer(ours)));
    }
    becomes(
        Family::OfaFairseq,
        &[
            ("encoder.layers.3.attn_ln.bias", Some("encoder.layers.3.self_attn_mid_layer_norm.bias")),
            ("encoder.layers.3.ffn_layernorm.bias", Some("encoder.layers.3.ffn_layer_norm.bias")),
            (
                "encoder.embed_images.layer3.35.conv2.weight",
                Some("encoder.embed_images.layer3.35.conv2.weight"),
            ),
            ("encoder.version", None),
            ("decoder.version", None),
            ("decoder.output_projection.weight", None),
            ("encoder.embed_images.bn1.num_batches_tracked", None),
            ("decoder.image_position_idx", None),
            ("classification_heads.x.weight", Some("classification_heads.x.weight")),
        ],
    );
    becomes(
        Family::Ofa,
        &[("encoder.token_rp_bucket", None), ("encoder.image_proj.bias", Some("encoder.image_proj.bias"))],
    );
}

#[test]
fn albef_loses_what_only_its_training_needs() {
    becomes(
        Family::Albef,
        &[
            ("visual_encoder.blocks.11.attn.qkv.weight", Some("visual_encoder.blocks.11.attn.qkv.weight")),
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

#[test]
fn every_family_is_known_by_a_name_of_its_own() {
    for family in Family::ALL {
        for sign in family.signs() {
            assert_eq!(Family::detect(["other", sign]), Some(family));
        }
    }
    assert_eq!(Family::detect(["encoder.layers.0.fc1.weight"]), None);
}

#[test]
fn every_tensor_of_the_published_sams_gets_a_name_that_the_network_has() {
    let config = crate::networks::sam::SamConfig::vit_b();
    let ours: std::collections::BTreeSet<String> =
        crate::networks::sam::shapes(&config).into_iter().map(|(name, _)| name).collect();
    // Each rule once, with numbers that exist.
    for (published, expected) in [
        ("image_encoder.blocks.11.norm2.weight", "vision_encoder.layers.11.layer_norm2.weight"),
        ("image_encoder.blocks.0.attn.rel_pos_h", "vision_encoder.layers.0.attn.rel_pos_h"),
        ("image_encoder.neck.0.weight", "vision_encoder.neck.conv1.weight"),
        ("image_encoder.neck.3.bias", "vision_encoder.neck.layer_norm2.bias"),
        ("prompt_encoder.point_embeddings.3.weight", "prompt_encoder.point_embed.3.weight"),
        ("prompt_encoder.no_mask_embed.weight", "prompt_encoder.no_mask_embed.weight"),
        ("prompt_encoder.mask_downscaling.6.bias", "prompt_encoder.mask_embed.conv3.bias"),
        ("mask_decoder.iou_token.weight", "mask_decoder.iou_token.weight"),
        (
            "mask_decoder.transformer.layers.1.cross_attn_image_to_token.out_proj.weight",
            "mask_decoder.transformer.layers.1.cross_attn_image_to_token.out_proj.weight",
        ),
        (
            "mask_decoder.transformer.layers.0.norm4.bias",
            "mask_decoder.transformer.layers.0.layer_norm4.bias",
        ),
        (
            "mask_decoder.transformer.norm_final_attn.bias",
            "mask_decoder.transformer.layer_norm_final_attn.bias",
        ),
        ("mask_decoder.output_upscaling.3.weight", "mask_decoder.upscale_conv2.weight"),
        (
            "mask_decoder.output_hypernetworks_mlps.2.layers.1.weight",
            "mask_decoder.output_hypernetworks_mlps.2.layers.0.weight",
        ),
        ("mask_decoder.iou_prediction_head.layers.2.bias", "mask_decoder.iou_prediction_head.proj_out.bias"),
    ] {
        assert_eq!(Family::SamOriginal.rename(published), Renamed::Keep(expected.to_owned()));
        assert!(ours.contains(expected), "{expected}");
    }
}
