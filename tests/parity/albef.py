"""Makes albef.safetensors: what LAVIS' ALBEF says when it is tiny and all of its parameters are random.

Needs torch 2.11.0, transformers 4.45.2 (much newer ones no longer have what LAVIS imports; 4.30.2, which LAVIS asks for,
has no wheels of its tokenizers for Python 3.12), timm 0.9.16 with torchvision, safetensors, pillow<13 and
salesforce-lavis 1.0.2 (of that only the files of the network, so `pip install --no-deps` will do). `scripts/parity`
installs all of it. Run it as `PYTHONPATH=.deps/parity/lavis .deps/parity/bin/python tests/parity/albef.py`.

LAVIS' encoder of texts has a table of token types only where its configuration says `add_type_embeddings`, and adds its
row only where `token_type_ids` are given. The checkpoint that LAVIS publishes for visual entailment does neither; the
authors' own code does both, with the first row for every piece. The fixture has the logits of either way.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from common import import_from, picture, randomise, stub
from PIL import Image
from safetensors.torch import save_file

# Of LAVIS the files of both encoders and nothing beside them: the packages around want everything there is.
import_from("lavis", "lavis.models", "lavis.common")
# What loads configurations and checkpoints, and what saves memory in training.
stub("lavis.common.utils", get_abs_path=None)
stub("lavis.models.base_model", BaseEncoder=torch.nn.Module)
for name in ("fairscale", "fairscale.nn", "fairscale.nn.checkpoint"):
    stub(name, path="")
stub("fairscale.nn.checkpoint.checkpoint_activations", checkpoint_wrapper=None)

from lavis.models.med import XBertEncoder  # noqa: E402
from lavis.models.vit import VisionTransformer  # noqa: E402
from transformers import BertConfig  # noqa: E402

PAD, BEGIN, END = 0, 2, 3
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# Height and width of the pictures; the length of each prompt, and which picture it is about.
PICTURES = [(40, 64), (77, 51), (48, 48)]
PROMPTS = [(12, 0), (5, 1), (30, 0), (2, 2), (9, 1), (17, 0)]


@dataclass(frozen=True)
class Sizes:
    """Those of the authors' network, if nothing else is said."""

    side: int = 384
    patch: int = 16
    vision: int = 768
    vision_layers: int = 12
    vision_heads: int = 12
    mlp_ratio: float = 4.0
    vocabulary: int = 30_522
    hidden: int = 768
    layers: int = 12
    heads: int = 12
    ffn: int = 3072
    positions: int = 512
    fusion_layer: int = 6


TINY = Sizes(
    side=48, vision=36, vision_layers=3, vision_heads=3, mlp_ratio=2.0, vocabulary=60, hidden=32, layers=4, heads=4,
    ffn=48, positions=40, fusion_layer=2,
)


class Albef(torch.nn.Module):
    """The network as a checkpoint for visual entailment names its parts."""

    def __init__(self, sizes):
        super().__init__()
        self.visual_encoder = VisionTransformer(
            img_size=sizes.side, patch_size=sizes.patch, embed_dim=sizes.vision, depth=sizes.vision_layers,
            num_heads=sizes.vision_heads, mlp_ratio=sizes.mlp_ratio,
        )
        self.text_encoder = XBertEncoder(
            BertConfig(
                vocab_size=sizes.vocabulary, hidden_size=sizes.hidden, num_hidden_layers=sizes.layers,
                num_attention_heads=sizes.heads, intermediate_size=sizes.ffn, max_position_embeddings=sizes.positions,
                type_vocab_size=2, layer_norm_eps=1e-12, pad_token_id=PAD, encoder_width=sizes.vision,
                add_cross_attention=True, fusion_layer=sizes.fusion_layer, add_type_embeddings=True,
            ),
            add_pooling_layer=False,
        )
        self.cls_head = torch.nn.Sequential(
            torch.nn.Linear(sizes.hidden, sizes.hidden), torch.nn.ReLU(), torch.nn.Linear(sizes.hidden, 3),
        )

    def logits(self, tokens, mask, seen, typed):
        states = self.text_encoder(
            tokens, attention_mask=mask.long(), encoder_hidden_states=seen,
            encoder_attention_mask=torch.ones(seen.shape[:2], dtype=torch.long),
            token_type_ids=torch.zeros_like(tokens) if typed else None, return_dict=True,
        ).last_hidden_state
        return self.cls_head(states[:, 0])


def random(sizes, generator, **spread):
    """A network whose parameters are all random, as widely as `randomise` is told."""
    model = Albef(sizes).eval()
    tables = dict.fromkeys(("embeddings", "_token", "pos_embed"), 0.5)
    randomise(model.named_parameters(), generator, **({"matrix": 1.5, "tables": tables} | spread))
    return model


def read(rgb):
    """A picture as the network is shown it."""
    squashed = Image.fromarray(rgb.numpy()).resize((TINY.side, TINY.side), Image.Resampling.BICUBIC)
    levels = torch.from_numpy(np.array(squashed)).permute(2, 0, 1).float() / 255
    return (levels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None]


def answers(model, generator):
    """A batch of prompts of several lengths, some of them about one picture, and every tap of the network on it."""
    pictures = [picture(size, generator) for size in PICTURES]
    longest = max(length for length, _ in PROMPTS)
    tokens = torch.full((len(PROMPTS), longest), PAD)
    for row, (length, _) in zip(tokens, PROMPTS):
        row[0], row[length - 1] = BEGIN, END
        row[1 : length - 1] = torch.randint(4, TINY.vocabulary, (length - 2,), generator=generator)
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
        model = random(TINY, generator)
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


if __name__ == "__main__":
    main()
