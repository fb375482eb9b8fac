"""Makes files/albef*: tiny checkpoints of ALBEF as its authors' training saves them, and what LAVIS says of them.

`albef.pth` is that of a training for visual entailment: the network, its head, the slow copy of each that training
keeps. `albef-pretrained.pth` is that of the training before it, which has no such head: BERT stands inside the network
that fills in words, and there are queues of earlier features, projections to compare them and a head for pairs. Both
saw pictures of 16 pixels, two patches a side; the answers are those of a network that sees 24 pixels, three a side,
which LAVIS' own function fits the positions to. A published one of visual entailment has the side that it is used at;
here it does not, so that its answers show what loading did.

`albef-answers.safetensors` has for `entailment` and for `pretrained`: the interpolated `pos_embed`, what is `seen` in
`pixels`, and the `logits` of `tokens` (padded, `lengths` of them count) about the pictures of `rows`. Those of
`pretrained` are of a fresh `cls_head`, which is stored beside them.

Needs what tests/parity/albef.py needs. Run it after make.py, which empties the folder: `python make_albef.py`
"""

import copy
import sys
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "parity"))
import albef  # noqa: E402
from common import randomise  # noqa: E402
from lavis.models.med import BertForMaskedLM  # noqa: E402
from lavis.models.vit import interpolate_pos_embed  # noqa: E402

FILES = Path(__file__).with_name("files")
SMALL = albef.Sizes(
    side=16, patch=8, vision=12, vision_layers=2, vision_heads=2, mlp_ratio=2.0, vocabulary=40, hidden=16, layers=3,
    heads=2, ffn=24, positions=20, fusion_layer=1,
)
LARGE = replace(SMALL, side=24)
LENGTHS, ROWS = [9, 4, 6], [0, 1, 1]


class Pretraining(torch.nn.Module):
    """The parts of the network that is trained before it is asked anything, by the names that its authors give them."""

    def __init__(self, network):
        super().__init__()
        joint, queued = 8, 6
        self.visual_encoder = network.visual_encoder
        self.text_encoder = BertForMaskedLM(network.text_encoder.config)
        self.vision_proj = torch.nn.Linear(SMALL.vision, joint)
        self.text_proj = torch.nn.Linear(SMALL.hidden, joint)
        self.temp = torch.nn.Parameter(torch.tensor(0.07))
        self.itm_head = torch.nn.Linear(SMALL.hidden, 2)
        for name in ("visual_encoder", "vision_proj", "text_encoder", "text_proj"):
            self.add_module(f"{name}_m", copy.deepcopy(getattr(self, name)))
        self.register_buffer("image_queue", torch.randn(joint, queued))
        self.register_buffer("text_queue", torch.randn(joint, queued))
        self.register_buffer("queue_ptr", torch.zeros(1, dtype=torch.long))


def save(model, name, epoch):
    """What the authors' training writes down after an epoch, from the parameters as they are."""
    parameters = [parameter for key, parameter in model.named_parameters() if "_m." not in key]
    optimizer = torch.optim.AdamW(parameters, lr=2e-5, weight_decay=0.02)
    kept = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": {"t_initial": 5, "lr_min": 1e-6, "base_values": [2e-5], "warmup_steps": [1.0e-6]},
        "config": {"image_res": SMALL.side, "distill": True, "optimizer": {"opt": "adamW", "lr": 2e-5}},
        "epoch": epoch,
    }
    # Moments as of the first two parameters, which is enough to have tensors there.
    kept["optimizer"]["state"] = {
        index: {"step": 3, "exp_avg": torch.ones(2), "exp_avg_sq": torch.ones(2)} for index in range(2)
    }
    torch.save(kept, FILES / name)


def answers(path, head, generator):
    """What LAVIS says once it has fitted the file's positions to more patches."""
    state = OrderedDict(
        (key.replace("bert.", ""), tensor) for key, tensor in torch.load(path, weights_only=True)["model"].items()
    )
    model = albef.Albef(LARGE).eval()
    state["visual_encoder.pos_embed"] = interpolate_pos_embed(state["visual_encoder.pos_embed"], model.visual_encoder)
    state |= {f"cls_head.{name}": tensor for name, tensor in head.items()}
    missing = model.load_state_dict(state, strict=False).missing_keys
    assert not missing, missing
    tokens = torch.full((len(LENGTHS), max(LENGTHS)), albef.PAD)
    for row, length in zip(tokens, LENGTHS):
        row[:length] = torch.randint(4, SMALL.vocabulary, (length,), generator=generator)
    lengths, rows = torch.tensor(LENGTHS), torch.tensor(ROWS)
    pixels = torch.randn((2, 3, LARGE.side, LARGE.side), generator=generator)
    with torch.no_grad():
        seen = model.visual_encoder(pixels)
        logits = model.logits(tokens, tokens != albef.PAD, seen[rows], typed=True)
    said = {"pos_embed": state["visual_encoder.pos_embed"], "pixels": pixels, "tokens": tokens, "lengths": lengths}
    said |= {"rows": rows, "seen": seen, "logits": logits}
    return said | {f"cls_head.{name}": tensor for name, tensor in head.items()}


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(20240702)
    trained = albef.random(SMALL, generator)
    for name in ("visual_encoder", "text_encoder", "cls_head"):
        slow = copy.deepcopy(getattr(trained, name))
        randomise(slow.named_parameters(), generator)
        trained.add_module(f"{name}_m", slow)
    save(trained, "albef.pth", epoch=4)

    before = Pretraining(albef.Albef(SMALL))
    randomise(list(before.named_parameters()) + list(before.named_buffers()), generator)
    save(before, "albef-pretrained.pth", epoch=29)
    head = torch.nn.Sequential(
        torch.nn.Linear(SMALL.hidden, SMALL.hidden), torch.nn.ReLU(), torch.nn.Linear(SMALL.hidden, 3),
    )
    randomise(head.named_parameters(), generator)

    out = {}
    for case, name, fresh in (("entailment", "albef.pth", {}), ("pretrained", "albef-pretrained.pth", head.state_dict())):
        said = answers(FILES / name, fresh, generator)
        out |= {f"{case}.{tap}": tensor.contiguous().clone() for tap, tensor in said.items()}
    save_file(out, FILES / "albef-answers.safetensors")
    for path in sorted(FILES.glob("albef*")):
        print(path.name, path.stat().st_size, "bytes")


main()
