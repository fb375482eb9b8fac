"""Makes albef.safetensors: what LAVIS' ALBEF says when it is tiny and all of its parameters are random.

Needs torch 2.11.0, transformers 4.30.2 with tokenizers 0.13.3 (newer ones no longer have what LAVIS imports), timm
0.9.16 with torchvision, safetensors, pillow<13 and salesforce-lavis 1.0.2 (of that only the files of the network, so
`pip install --no-deps` will do). Run it as `python tests/parity/albef.py`.

LAVIS' encoder of texts has a table of token types only where its configuration says `add_type_embeddings`, and adds its
row only where `token_type_ids` are given. The checkpoint that LAVIS publishes for visual entailment does neither; the
authors' own code does both, with the first row for every piece. The fixture has the logits of either way.
"""

import importlib.util
import json
import math
import sys
import types
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file


def import_network():
    """Imports LAVIS' files of both encoders and nothing beside them: the packages around want everything there is."""
    root = Path(importlib.util.find_spec("lavis").submodule_search_locations[0])

    def stub(name, **names):
        module = types.ModuleType(name)
        module.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        module.__dict__.update(names)
        sys.modules[name] = module

    stub("lavis")
    stub("lavis.models")
    stub("lavis.common")
    # What loads configurations and checkpoints, and what saves memory in training.
    stub("lavis.common.utils", get_abs_path=None)
    stub("lavis.models.base_model", BaseEncoder=torch.nn.Module)
    stub("fairscale")
    stub("fairscale.nn")
    stub("fairscale.nn.checkpoint")
    stub("fairscale.nn.checkpoint.checkpoint_activations", checkpoint_wrapper=None)


import_network()
from lavis.models.med import XBertEncoder  # noqa: E402
from lavis.models.vit import VisionTransformer  # noqa: E402
from transformers import BertConfig  # noqa: E402

SIDE, PATCH, VISION, HIDDEN, VOCABULARY = 48, 16, 36, 32, 60
PAD, BEGIN, END = 0, 2, 3
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# Height and width of the pictures; the length of each prompt, and which picture it is about.
PICTURES = [(40, 64), (77, 51), (48, 48)]
PROMPTS = [(12, 0), (5, 1), (30, 0), (2, 2), (9, 1), (17, 0)]


class Albef(torch.nn.Module):
    """The network as a checkpoint for visual entailment names its parts."""

    def __init__(self):
        super().__init__()
        self.visual_encoder = VisionTransformer(
            img_size=SIDE, patch_size=PATCH, embed_dim=VISION, depth=3, num_heads=3, mlp_ratio=2.0,
        )
        self.text_encoder = XBertEncoder(
            BertConfig(
                vocab_size=VOCABULARY, hidden_size=HIDDEN, num_hidden_layers=4, num_attention_heads=4,
                intermediate_size=48, max_position_embeddings=40, type_vocab_size=2, layer_norm_eps=1e-12,
                pad_token_id=PAD, encoder_width=VISION, add_cross_attention=True, fusion_layer=2,
                add_type_embeddings=True,
            ),
            add_pooling_layer=False,
        )
        self.cls_head = torch.nn.Sequential(
            torch.nn.Linear(HIDDEN, HIDDEN), torch.nn.ReLU(), torch.nn.Linear(HIDDEN, 3),
        )

    def logits(self, tokens, mask, seen, typed):
        states = self.text_encoder(
            tokens, attention_mask=mask.long(), encoder_hidden_states=seen,
            encoder_attention_mask=torch.ones(seen.shape[:2], dtype=torch.long),
            token_type_ids=torch.zeros_like(tokens) if typed else None, return_dict=True,
        ).last_hidden_state
        return self.cls_head(states[:, 0])


def randomise(model, generator):
    """No parameter keeps what it was initialised to: a table of zeros or a norm of ones would hide a mistake."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            draw = torch.randn(parameter.shape, generator=generator)
            if "norm" in name.lower() and name.endswith("weight"):
                parameter.copy_(1.0 + 0.3 * draw)
            elif parameter.dim() > 1 and not any(part in name for part in ("embeddings", "_token", "pos_embed")):
                parameter.copy_(1.5 * draw / math.sqrt(parameter[0].numel()))
            else:
                parameter.copy_(0.5 * draw)


def picture(size, generator):
    """Soft blobs with some noise: neither flat nor white noise."""
    coarse = torch.rand((1, 3, 5, 5), generator=generator)
    soft = torch.nn.functional.interpolate(coarse, size=size, mode="bicubic")
    noisy = soft[0] * 255 + 12 * torch.randn((3, *size), generator=generator)
    return noisy.clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous()


def read(rgb):
    """A picture as the network is shown it."""
    squashed = Image.fromarray(rgb.numpy()).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    levels = torch.from_numpy(np.array(squashed)).permute(2, 0, 1).float() / 255
    return (levels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]


def answers(model, generator):
    """A batch of prompts of several lengths, some of them about one picture, and every tap of the network on it."""
    pictures = [picture(size, generator) for size in PICTURES]
    longest = max(length for length, _ in PROMPTS)
    tokens = torch.full((len(PROMPTS), longest), PAD)
    for row, (length, _) in zip(tokens, PROMPTS):
        row[0], row[length - 1] = BEGIN, END
        row[1 : length - 1] = torch.randint(4, VOCABULARY, (length - 2,), generator=generator)
    lengths = torch.tensor([length for length, _ in PROMPTS])
    rows = torch.tensor([index for _, index in PROMPTS])
    mask = torch.arange(longest) < lengths[:, None]
    pixels = torch.stack([read(rgb) for rgb in pictures])
    seen = model.visual_encoder(pixels)
    logits = model.logits(tokens, mask, seen[rows], typed=True)
    untyped = model.logits(tokens, mask, seen[rows], typed=False)
    elsewhere = model.logits(tokens, mask, seen[(rows + 1) % len(pictures)], typed=True)
    tensors = {f"picture.{index}": rgb for index, rgb in enumerate(pictures)}
    tensors |= {"tokens": tokens, "lengths": lengths, "rows": rows, "pixels": pixels, "seen": seen}
    return tensors | {"logits": logits, "untyped": untyped}, elsewhere


def telling(tensors, elsewhere):
    """Whether decisions can be compared: all three answers are given, none hangs on how sums are rounded, and the
    picture and the token type matter."""
    ok = True
    for logits in (tensors["logits"], tensors["untyped"]):
        best = logits.sort(dim=1, descending=True).values
        ok &= len(set(logits.argmax(dim=1).tolist())) == 3 and (best[:, 0] - best[:, 1]).min().item() > 0.05
    differs = lambda other: (tensors["logits"] - other).abs().amax(dim=1).min().item() > 0.05  # noqa: E731
    return ok and differs(elsewhere) and differs(tensors["untyped"])


def main():
    torch.set_num_threads(1)
    for seed in range(10_000):
        generator = torch.Generator().manual_seed(seed)
        model = Albef().eval()
        randomise(model, generator)
        with torch.no_grad():
            tensors, elsewhere = answers(model, generator)
        if telling(tensors, elsewhere):
            break
    else:
        raise SystemExit("no seed gives decisions that can be compared")

    # A checkpoint has all of it twice: once as it was trained, once averaged over the training.
    names = [name.replace(".", copy + ".", 1) for name in model.state_dict() for copy in ("", "_m")]
    out = {f"model.{name}": parameter for name, parameter in model.named_parameters()}
    out |= tensors | {"names": torch.tensor(list(json.dumps(sorted(names)).encode()), dtype=torch.uint8)}
    path = Path(__file__).with_name("albef.safetensors")
    save_file({name: tensor.detach().contiguous() for name, tensor in out.items()}, path)
    print(f"{path.name}: seed {seed}, {path.stat().st_size} bytes")


main()
