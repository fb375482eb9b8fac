"""Makes the published networks at full size with random weights, and keeps what the Python originals say of one input.

Writes two files a network into the folder given: `NAME.weights.safetensors`, with the names that a bundle's file has,
and `NAME.case.safetensors`, the input and the answer. Together some 7 GB, not to be committed; `cargo bench --bench
parity` holds the networks here against them. Needs what ofa.py, sam.py and tagger.py need.

Run: python tests/parity/full.py FOLDER [NAME ...]
"""

import sys
from pathlib import Path

import ofa
import sam
import torch
from safetensors.torch import save_file
from torchcrf import CRF
from transformers import SamConfig, SamMaskDecoderConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig
from transformers import XLMRobertaConfig, XLMRobertaModel

PAD = 1


def keep(folder, name, weights, case, parameters):
    case["parameters"] = torch.tensor([parameters])
    for part, tensors in (("weights", weights), ("case", case)):
        contiguous = {key: tensor.detach().contiguous() for key, tensor in tensors.items()}
        save_file(contiguous, folder / f"{name}.{part}.safetensors")
    print(f"{name}: {parameters:,} parameters in the original", flush=True)


def counted(module):
    return sum(parameter.numel() for parameter in module.parameters())


def tagger(folder, name, hidden, layers, heads):
    """The encoder as transformers has it, the field as pytorch-crf has it, the names as AdaSeq saves them."""
    torch.manual_seed(20240611)
    config = XLMRobertaConfig(
        vocab_size=250_002, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=4 * hidden, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5,
        pad_token_id=PAD, attn_implementation="eager",
    )
    encoder = XLMRobertaModel(config, add_pooling_layer=False).eval()
    linear, crf = torch.nn.Linear(hidden, 17), CRF(17, batch_first=True)
    with torch.no_grad():
        for key, parameter in encoder.named_parameters():
            # A fresh norm is the identity and a fresh bias zero: parity on those would show little.
            if parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
        pieces = torch.full((2, 160), PAD)
        pieces[0] = torch.randint(3, 250_002, (160,))
        pieces[1, :90] = torch.randint(3, 250_002, (90,))
        mask = pieces != PAD
        hidden_states = encoder(input_ids=pieces, attention_mask=mask.long()).last_hidden_state
        first = torch.arange(1, 81).expand(2, -1)
        emissions = linear(hidden_states.gather(1, first[:, :, None].expand(-1, -1, hidden)))
        best = torch.tensor(crf.decode(emissions))
    weights = {f"embedder.transformer_model.{key}": value for key, value in encoder.named_parameters()}
    weights |= {f"linear.{key}": value for key, value in linear.named_parameters()}
    weights |= {f"crf.{key}": value for key, value in crf.named_parameters()}
    case = {"pieces": pieces, "mask": mask, "first_pieces": first.clone(), "answer": emissions, "best": best}
    keep(folder, name, weights, case, counted(encoder) + counted(linear) + counted(crf))


def seer(folder, name, width, heads, layers, trunk):
    """OFA as ModelScope has it: the answer of one prompt on one picture, all logits of one step after another."""
    ofa.OFAConfig.forced_bos_token_id = None
    config = ofa.OFAConfig(
        vocab_size=59_457, d_model=width, encoder_layers=layers[0], decoder_layers=layers[1],
        encoder_ffn_dim=4 * width, decoder_ffn_dim=4 * width, encoder_attention_heads=heads,
        decoder_attention_heads=heads, resnet_type=trunk,
    )
    config._attn_implementation = "eager"
    model = ofa.OFAModel(config).eval()
    generator = torch.Generator().manual_seed(20240612)
    ofa.randomise(model, generator)
    tokens = torch.randint(4, 50_000, (1, 24), generator=generator)
    tokens[0, 0], tokens[0, -1] = 0, 2
    pixels = torch.randn((1, 3, 480, 480), generator=generator)
    prefix = torch.randint(58_457, 59_457, (1, 4), generator=generator)
    prefix[0, 0] = 0
    with torch.no_grad():
        answer = model(
            input_ids=tokens, patch_images=pixels, patch_masks=torch.ones(1, dtype=torch.bool),
            decoder_input_ids=prefix, use_cache=False,
        ).logits
    state = model.state_dict()
    left_out = ("_rp_bucket", "_idx", "num_batches_tracked")
    weights = {
        key: value for key, value in state.items()
        if not key.endswith(left_out)
        and key not in ("decoder.embed_tokens.weight", "decoder.output_projection.weight")
        and not key.startswith(("decoder.image_", "decoder.embed_image", "decoder.code_"))
    }
    case = {"tokens": tokens, "pixels": pixels, "prefix": prefix, "answer": answer}
    keep(folder, name, weights, case, counted(model))


def segmenter(folder, name, hidden, layers, heads, everywhere):
    """SAM as transformers has it: the masks of two boxes on one picture."""
    config = SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, mlp_dim=4 * hidden,
            global_attn_indexes=everywhere,
        ).to_dict(),
        prompt_encoder_config=SamPromptEncoderConfig().to_dict(),
        mask_decoder_config=SamMaskDecoderConfig().to_dict(),
    )
    model = SamModel(config).eval()
    generator = torch.Generator().manual_seed(20240613)
    sam.randomise(model, generator)
    pixels = torch.randn((1, 3, 1024, 1024), generator=generator)
    boxes = torch.tensor([[100.0, 80.0, 600.5, 700.25], [0.0, 0.0, 1024.0, 768.0]])
    with torch.no_grad():
        encoding = model.get_image_embeddings(pixels)
        said = model(image_embeddings=encoding, input_boxes=boxes[None], multimask_output=False)
    case = {"pixels": pixels, "boxes": boxes, "encoding": encoding, "answer": said.pred_masks[0], "ious": said.iou_scores[0]}
    keep(folder, name, {key: value.clone() for key, value in model.state_dict().items()}, case, counted(model))


NETWORKS = {
    "xlm-roberta-large": lambda folder, name: tagger(folder, name, 1024, 24, 16),
    "ofa-large": lambda folder, name: seer(folder, name, 1024, 16, (12, 12), "resnet152"),
    "sam-vit-b": lambda folder, name: segmenter(folder, name, 768, 12, 12, [2, 5, 8, 11]),
    "sam-vit-h": lambda folder, name: segmenter(folder, name, 1280, 32, 16, [7, 15, 23, 31]),
}


def main():
    folder, names = Path(sys.argv[1]), sys.argv[2:] or list(NETWORKS)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        NETWORKS[name](folder, name)


if __name__ == "__main__":
    main()
