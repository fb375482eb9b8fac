"""Makes ofa.safetensors: what ModelScope's OFA says when it is tiny and all of its parameters are random.

Needs torch 2.11.0, transformers 5.23.0, safetensors and modelscope 1.40.2 (of that only the files of the network, so
`pip install --no-deps` will do). Run it as `python tests/parity/ofa.py`.
"""

import json
from pathlib import Path

import torch
from common import import_from, randomise, stub, with_buffers
from safetensors.torch import save_file

OWN = "modelscope.models.multi_modal.ofa"
import_from("modelscope", "modelscope.models", "modelscope.models.multi_modal", OWN)
# The other trunk, which asks for fairseq.
stub(f"{OWN}.vit", vit_base=None, vit_huge=None, vit_large=None, vit_large_336=None)
from modelscope.models.multi_modal.ofa import resnet  # noqa: E402
from modelscope.models.multi_modal.ofa.configuration_ofa import OFAConfig  # noqa: E402
from modelscope.models.multi_modal.ofa.generate.sequence_generator import SequenceGenerator  # noqa: E402
from modelscope.models.multi_modal.ofa.modeling_ofa import OFAModel  # noqa: E402

VOCABULARY, WIDTH, SIDE, PAD = 120, 32, 80, 1
# Far enough apart for the logarithmic buckets, which begin at a distance of 128.
PROMPTS = [9, 5, 200]


class NarrowResNet(resnet.ResNet):
    """The trunk, built of the same blocks by the same code, but with 4 channels where published ones have 64."""

    def __init__(self, layers, channels):
        torch.nn.Module.__init__(self)
        self._norm_layer = torch.nn.BatchNorm2d
        self.inplanes, self.dilation, self.groups, self.base_width = channels, 1, 1, 64
        self.conv1 = torch.nn.Conv2d(3, channels, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(channels)
        self.relu = torch.nn.ReLU(inplace=True)
        self.maxpool = torch.nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self._make_layer(resnet.Bottleneck, channels, layers[0])
        self.layer2 = self._make_layer(resnet.Bottleneck, 2 * channels, layers[1], stride=2)
        self.layer3 = self._make_layer(resnet.Bottleneck, 4 * channels, layers[2], stride=2)


def tiny():
    # Newer versions of transformers no longer give every configuration this key.
    OFAConfig.forced_bos_token_id = None
    config = OFAConfig(
        vocab_size=VOCABULARY, d_model=WIDTH, encoder_layers=2, decoder_layers=2, encoder_ffn_dim=64,
        decoder_ffn_dim=64, encoder_attention_heads=4, decoder_attention_heads=4, resnet_type="resnet18",
    )
    config._attn_implementation = "eager"
    model = OFAModel(config)
    model.encoder.embed_images = NarrowResNet([2, 1, 3], 4)
    model.encoder.image_proj = torch.nn.Linear(64, WIDTH)
    return model.eval()


def random(model, generator, **spread):
    """Lets no parameter of the network, and nothing that its norms remember, be what it was."""
    embeddings = dict.fromkeys(("embed_tokens", "embed_positions", "embed_image_positions"), 1.0)
    tables = embeddings | {"rel_pos_table": 0.5, "type_embedding": 0.5}
    randomise(with_buffers(model), generator, **({"matrix": 1.3, "tables": tables} | spread))


class Dictionary:
    """All that the generator asks of a tokenizer."""

    bos_token_id, pad_token_id, eos_token_id, unk_token_id = 0, 1, 2, 3

    def __init__(self, size):
        self.size = size

    def get_vocab(self):
        return {str(token): token for token in range(self.size)}

    def get_added_vocab(self):
        return {}


def beams(model, vocabulary, tokens, pixels):
    """The tokens and the score of each beam of each prompt, as the published networks are asked for boxes."""
    search = SequenceGenerator(
        Dictionary(vocabulary), beam_size=5, max_len_b=4, min_len=4, no_repeat_ngram_size=3, normalize_scores=True
    )
    seen = torch.ones(len(tokens), dtype=torch.bool)
    found = search.generate(
        [model], {"net_input": {"input_ids": tokens, "patch_images": pixels, "patch_masks": seen}}
    )
    assert all(one["tokens"][4] == 2 for beam in found for one in beam)
    return {
        "beam.tokens": torch.stack([torch.stack([one["tokens"][:4] for one in beam]) for beam in found]),
        "beam.scores": torch.stack([torch.stack([one["score"] for one in beam]) for beam in found]),
    }


def kept(state):
    """What a checkpoint has once: not the names of a tensor that has another, nor what is counted or draws pictures."""
    return {
        name: tensor for name, tensor in sorted(state.items())
        if not name.endswith(("_rp_bucket", "_idx", "num_batches_tracked"))
        and name not in ("decoder.embed_tokens.weight", "decoder.output_projection.weight")
        and not name.startswith(("decoder.image_", "decoder.embed_image", "decoder.code_"))
    }


def prompts(generator):
    rows = torch.full((len(PROMPTS), max(PROMPTS)), PAD)
    for row, length in zip(rows, PROMPTS):
        row[:length] = torch.randint(4, VOCABULARY, (length,), generator=generator)
        row[0], row[length - 1] = 0, 2
    return rows


def main():
    generator = torch.Generator().manual_seed(20240607)
    model = tiny()
    random(model, generator)
    tokens = prompts(generator)
    pixels = torch.randn((len(PROMPTS), 3, SIDE, SIDE), generator=generator)
    prefix = torch.randint(0, VOCABULARY, (len(PROMPTS), 6), generator=generator)
    prefix[prefix == PAD] = 0
    patch_masks = torch.ones(len(PROMPTS), dtype=torch.bool)
    out = {"tokens": tokens, "pixels": pixels, "prefix": prefix}
    with torch.no_grad():
        trunk = model.encoder.embed_images(pixels)
        out["trunk"] = trunk.flatten(2).transpose(1, 2)
        encoded = model.encoder(input_ids=tokens, patch_images=pixels, patch_masks=patch_masks)
        out["encoded"] = encoded.last_hidden_state
        out["logits"] = model(
            encoder_outputs=encoded, decoder_input_ids=prefix, use_cache=False
        ).logits
        # Entailment: the prompt without its end goes into the decoder, the answer comes out at its last token.
        answers = []
        for row, length in enumerate(PROMPTS):
            alone = tokens[row : row + 1, :length]
            said = model(
                input_ids=alone, patch_images=pixels[row : row + 1], patch_masks=patch_masks[:1],
                decoder_input_ids=alone[:, :-1], use_cache=False,
            ).logits
            answers.append(said[0, -1, [7, 20, 33]])
        out["answers"] = torch.stack(answers)
        out |= beams(model, VOCABULARY, tokens, pixels)

    state = model.state_dict()
    out |= {f"model.{name}": tensor for name, tensor in kept(state).items()}
    # All names of a checkpoint, so that what is left out here is seen to be left out knowingly.
    out["names"] = torch.tensor(list(json.dumps(sorted(state)).encode()), dtype=torch.uint8)
    # Which bucket each distance has at published sizes, both ways.
    out["buckets"] = torch.stack(
        [model.encoder.token_rp_bucket[0], model.encoder.token_rp_bucket[:, 0]]
    )
    out = {name: tensor.contiguous().clone() for name, tensor in out.items()}
    save_file(out, Path(__file__).with_suffix(".safetensors"))


if __name__ == "__main__":
    main()
