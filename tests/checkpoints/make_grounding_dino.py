"""Makes files/grounding-dino.pth: the network of tests/parity/grounding_dino.safetensors as its authors' training saves it.

The weights lie under `model`, each name with the prefix `module.` of training on several devices. Queries, keys and values
are one matrix each; the perceptron that moves boxes stands there twelve times, once for each layer of both lists that have
it; and there are the table that training alone needs, places that are counted, and the pooler of BERT.

The authors' names are those that transformers' `convert_grounding_dino_to_hf.py` takes (at commit fc2251e1).

Needs torch 2.11.0 and safetensors. Run it after make.py, which empties the folder: `python make_grounding_dino.py`
"""

import re
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import load_file

FIXTURE = Path(__file__).resolve().parent.parent / "parity" / "grounding_dino.safetensors"
FILE = Path(__file__).with_name("files") / "grounding-dino.pth"
DECODER_LAYERS = 2

TRUNK = r"model\.backbone\.conv_encoder\.model\."
BLOCK = TRUNK + r"encoder\.layers\.(\d+)\.blocks\.(\d+)\."
ENCODER, DECODER = r"model\.encoder\.layers\.(\d+)\.", r"model\.decoder\.layers\.(\d+)\."
ENHANCER, FUSION, DEFORMABLE = (ENCODER + part for part in (r"text_enhancer_layer\.", r"fusion_layer\.", r"deformable_layer\."))
AUTHORS_BLOCK = r"backbone.0.layers.\1.blocks.\2."
# What three matrices of attention are called together, of which each is a third.
FUSED = [
    (BLOCK + r"attention\.self\.(query|key|value)\.(weight|bias)", AUTHORS_BLOCK + r"attn.qkv.\4", 3),
    (ENHANCER + r"self_attn\.(query|key|value)\.(weight|bias)", r"transformer.encoder.text_layers.\1.self_attn.in_proj_\3", 2),
    (DECODER + r"self_attn\.(query|key|value)\.(weight|bias)", r"transformer.decoder.layers.\1.self_attn.in_proj_\3", 2),
    (DECODER + r"encoder_attn_text\.(query|key|value)\.(weight|bias)", r"transformer.decoder.layers.\1.ca_text.in_proj_\3", 2),
]
RENAMED = [
    (TRUNK + r"embeddings\.patch_embeddings\.projection\.", "backbone.0.patch_embed.proj."),
    (TRUNK + r"embeddings\.norm\.", "backbone.0.patch_embed.norm."),
    (BLOCK + r"layernorm_before\.", AUTHORS_BLOCK + "norm1."),
    (BLOCK + r"layernorm_after\.", AUTHORS_BLOCK + "norm2."),
    (BLOCK + r"attention\.self\.", AUTHORS_BLOCK + "attn."),
    (BLOCK + r"attention\.output\.dense\.", AUTHORS_BLOCK + "attn.proj."),
    (BLOCK + r"intermediate\.dense\.", AUTHORS_BLOCK + "mlp.fc1."),
    (BLOCK + r"output\.dense\.", AUTHORS_BLOCK + "mlp.fc2."),
    (TRUNK + r"encoder\.layers\.(\d+)\.downsample\.", r"backbone.0.layers.\1.downsample."),
    (TRUNK + r"hidden_states_norms\.stage2\.", "backbone.0.norm1."),
    (TRUNK + r"hidden_states_norms\.stage3\.", "backbone.0.norm2."),
    (TRUNK + r"hidden_states_norms\.stage4\.", "backbone.0.norm3."),
    (DEFORMABLE + r"self_attn_layer_norm\.", r"transformer.encoder.layers.\1.norm1."),
    (DEFORMABLE + r"final_layer_norm\.", r"transformer.encoder.layers.\1.norm2."),
    (DEFORMABLE + r"fc(\d)\.", r"transformer.encoder.layers.\1.linear\2."),
    (DEFORMABLE, r"transformer.encoder.layers.\1."),
    (ENHANCER + r"layer_norm_before\.", r"transformer.encoder.text_layers.\1.norm1."),
    (ENHANCER + r"layer_norm_after\.", r"transformer.encoder.text_layers.\1.norm2."),
    (ENHANCER + r"fc(\d)\.", r"transformer.encoder.text_layers.\1.linear\2."),
    (ENHANCER, r"transformer.encoder.text_layers.\1."),
    (FUSION + r"vision_param", r"transformer.encoder.fusion_layers.\1.gamma_v"),
    (FUSION + r"text_param", r"transformer.encoder.fusion_layers.\1.gamma_l"),
    (FUSION + r"layer_norm_vision\.", r"transformer.encoder.fusion_layers.\1.layer_norm_v."),
    (FUSION + r"layer_norm_text\.", r"transformer.encoder.fusion_layers.\1.layer_norm_l."),
    (FUSION + r"attn\.(values_|out_|)vision_proj\.", r"transformer.encoder.fusion_layers.\1.attn.\2v_proj."),
    (FUSION + r"attn\.(values_|out_|)text_proj\.", r"transformer.encoder.fusion_layers.\1.attn.\2l_proj."),
    (DECODER + r"encoder_attn_layer_norm\.", r"transformer.decoder.layers.\1.norm1."),
    (DECODER + r"self_attn_layer_norm\.", r"transformer.decoder.layers.\1.norm2."),
    (DECODER + r"final_layer_norm\.", r"transformer.decoder.layers.\1.norm3."),
    (DECODER + r"encoder_attn_text_layer_norm\.", r"transformer.decoder.layers.\1.catext_norm."),
    (DECODER + r"encoder_attn_text\.", r"transformer.decoder.layers.\1.ca_text."),
    (DECODER + r"encoder_attn\.", r"transformer.decoder.layers.\1.cross_attn."),
    (DECODER + r"fc(\d)\.", r"transformer.decoder.layers.\1.linear\2."),
    (DECODER, r"transformer.decoder.layers.\1."),
    (r"model\.decoder\.reference_points_head\.", "transformer.decoder.ref_point_head."),
    (r"model\.decoder\.layer_norm\.", "transformer.decoder.norm."),
    (r"model\.encoder_output_bbox_embed\.", "transformer.enc_out_bbox_embed."),
    (r"model\.enc_output", "transformer.enc_output"),
    (r"model\.level_embed", "transformer.level_embed"),
    (r"model\.query_position_embeddings\.", "transformer.tgt_embed."),
    (r"model\.input_proj_vision\.", "input_proj."),
    (r"model\.text_projection\.", "feat_map."),
    (r"model\.text_backbone\.", "bert."),
]


def authors_name(name):
    for pattern, replacement in RENAMED:
        renamed, count = re.subn("^" + pattern, replacement, name)
        if count:
            return renamed
    raise SystemExit(f"the authors have no name for {name}")


def authors(network):
    """The tensors as the authors name and join them."""
    fused, out = {}, {}
    for name, tensor in network.items():
        if "swin.layernorm" in name:
            continue  # transformers alone has it
        if name.startswith("bbox_embed.0."):
            part = name.removeprefix("bbox_embed.0.")
            for place in ("bbox_embed", "transformer.decoder.bbox_embed"):
                out |= {f"{place}.{layer}.{part}": tensor for layer in range(DECODER_LAYERS)}
            continue
        for pattern, replacement, kind in FUSED:
            match = re.fullmatch(pattern, name)
            if match:
                fused.setdefault(match.expand(replacement), {})[match[kind]] = tensor
                break
        else:
            out[authors_name(name)] = tensor
    out |= {name: torch.cat([parts[kind] for kind in ("query", "key", "value")]) for name, parts in fused.items()}
    for name, table in list(out.items()):
        if name.endswith("relative_position_bias_table"):
            out[name.replace("bias_table", "index")] = torch.zeros(9, 9, dtype=torch.long)
    width = out["feat_map.weight"].shape[1]
    out |= {"bert.pooler.dense.weight": torch.ones(width, width), "bert.pooler.dense.bias": torch.ones(width)}
    out |= {"bert.embeddings.position_ids": torch.arange(20)[None], "label_enc.weight": torch.ones(3, 32)}
    return out


def main():
    network = {name.removeprefix("model."): tensor for name, tensor in load_file(FIXTURE).items() if name.startswith("model.")}
    state = OrderedDict((f"module.{name}", tensor) for name, tensor in sorted(authors(network).items()))
    torch.save({"model": state}, FILE)
    print(FILE.name, FILE.stat().st_size, "bytes,", len(state), "tensors")


if __name__ == "__main__":
    main()
