"""Makes umt.safetensors: what UMT's encoder says when it is tiny and all of its parameters are random.

The authors' code is not a package, so what is not BERT is stated again here, from the paper and the facts of their
configuration: the ResNet, the attention across and the gate. BERT is that of transformers, whose layers serve for the
attention across as well: there the queries come from one side, keys and values from the other.

Needs torch 2.11.0, transformers 5.23.0 and safetensors. Run: python tests/parity/umt.py
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from common import picture, randomise
from safetensors.torch import save_file
from torch import nn
from transformers import BertConfig, BertModel
from transformers.models.bert.modeling_bert import BertIntermediate, BertOutput, BertSelfOutput

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# The length of each text, and which picture it comes with.
POSTS = [(12, 0), (5, 1), (30, 0), (2, 2), (9, 1), (17, 2)]
PICTURES = 3


@dataclass(frozen=True)
class Sizes:
    """Those of the authors' network, if nothing else is said."""

    vocabulary: int = 28_996
    hidden: int = 768
    layers: int = 12
    heads: int = 12
    ffn: int = 3072
    positions: int = 512
    side: int = 224
    blocks: tuple = (3, 8, 36, 3)
    width: int = 64


TINY = Sizes(
    vocabulary=60, hidden=32, layers=2, heads=4, ffn=48, positions=40, side=96, blocks=(1, 2, 2, 1), width=4,
)


class Bottleneck(nn.Module):
    def __init__(self, inputs, planes, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, planes, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = nn.Conv2d(planes, 4 * planes, 1, bias=False), nn.BatchNorm2d(4 * planes)
        if stride != 1 or inputs != 4 * planes:
            around = nn.Conv2d(inputs, 4 * planes, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(around, nn.BatchNorm2d(4 * planes))

    def forward(self, x):
        inner = torch.relu(self.bn1(self.conv1(x)))
        inner = torch.relu(self.bn2(self.conv2(inner)))
        around = self.downsample(x) if hasattr(self, "downsample") else x
        return torch.relu(self.bn3(self.conv3(inner)) + around)


class ResNet(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        channels, self.stages = sizes.width, len(sizes.blocks)
        self.conv1 = nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        for stage, count in enumerate(sizes.blocks):
            planes = sizes.width * 2**stage
            blocks = []
            for index in range(count):
                blocks.append(Bottleneck(channels, planes, 2 if index == 0 and stage > 0 else 1))
                channels = 4 * planes
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, padding=1)
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return x


class Look(nn.Module):
    """Attention of many heads from one side to the other, spelt out."""

    def __init__(self, config):
        super().__init__()
        self.heads = config.num_attention_heads
        self.query, self.key, self.value = (nn.Linear(config.hidden_size, config.hidden_size) for _ in range(3))

    def forward(self, states, others, hidden):
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(states), self.key(others), self.value(others))
        )
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        if hidden is not None:
            scores = scores - 10_000.0 * hidden[:, None, None].float()
        return (scores.softmax(-1) @ value).transpose(1, 2).flatten(-2)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self, self.output = Look(config), BertSelfOutput(config)


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention = Attention(config)
        self.intermediate, self.output = BertIntermediate(config), BertOutput(config)

    def forward(self, states, others, hidden=None):
        looked = self.attention.output(self.attention.self(states, others, hidden), states)
        return self.output(self.intermediate(looked), looked)


class OneLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer = nn.ModuleList([Layer(config)])

    def forward(self, *sides):
        return self.layer[0](*sides)


class Umt(nn.Module):
    """The encoder under the names of the authors' two checkpoints."""

    def __init__(self, sizes):
        super().__init__()
        self.sizes = sizes
        config = BertConfig(
            vocab_size=sizes.vocabulary, hidden_size=sizes.hidden, num_hidden_layers=sizes.layers,
            num_attention_heads=sizes.heads, intermediate_size=sizes.ffn, max_position_embeddings=sizes.positions,
            type_vocab_size=2, layer_norm_eps=1e-12, pad_token_id=0, attn_implementation="eager",
        )
        self.resnet = ResNet(sizes)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.self_attention_v2 = OneLayer(config)
        self.vismap2text = nn.Linear(32 * sizes.width, sizes.hidden)
        self.vismap2text_v2 = nn.Linear(32 * sizes.width, sizes.hidden)
        self.txt2img_attention, self.img2txt_attention = OneLayer(config), OneLayer(config)
        self.txt2txt_attention = OneLayer(config)
        self.gate = nn.Linear(2 * sizes.hidden, sizes.hidden)

    def see(self, levels):
        """Cells of pictures of 0 to 255, row by row."""
        return self.resnet(read(levels)).flatten(2).transpose(1, 2)

    def fuse(self, pieces, mask, seen):
        said = self.bert(input_ids=pieces, attention_mask=mask.long()).last_hidden_state
        words = self.self_attention_v2(said, said, ~mask)
        pictured = self.txt2img_attention(words, self.vismap2text(seen))
        cells = self.img2txt_attention(self.vismap2text_v2(seen), words, ~mask)
        told = self.txt2txt_attention(words, cells)
        gate = torch.sigmoid(self.gate(torch.cat([told, pictured], -1)))
        return torch.cat([told, gate * pictured], -1)


def read(levels):
    """Pictures of 0 to 255 as the trunk is shown them."""
    mean, deviation = (torch.tensor(three)[:, None, None] for three in (MEAN, DEVIATION))
    return (levels / 255 - mean) / deviation


def pooled(fused, mask):
    """The mean of the pieces that there are, at length 1: our own, since the authors say nothing of it."""
    rows = [row[own].mean(0) for row, own in zip(fused, mask)]
    return torch.stack([row / row.norm() for row in rows])


def random(sizes, generator, levels, scales=None, **spread):
    """A network all of whose parameters are drawn, and what its norms remember near to what they see of pictures.

    `scales` multiplies parameters after they are drawn: a part of the name, and the factor.
    """
    model = Umt(sizes)
    tables = {"embeddings": 0.5}
    randomise(model.named_parameters(), generator, **({"matrix": 1.5, "other": 0.3, "tables": tables} | spread))
    with torch.no_grad():
        for part, factor in (scales or {}).items():
            for name, parameter in model.named_parameters():
                if part in name:
                    parameter *= factor
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    model.eval()
    with torch.no_grad():
        model.resnet.train()
        model.see(levels)
        model.eval()
        for norm in norms:
            draw = torch.randn((2, norm.num_features), generator=generator)
            norm.running_mean += 0.3 * draw[0] * norm.running_var.sqrt()
            norm.running_var *= (0.3 * draw[1]).exp()
    return model


def stored(model):
    return {name: value for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")}


def posts(generator):
    longest = max(length for length, _ in POSTS)
    lengths = torch.tensor([length for length, _ in POSTS])
    mask = torch.arange(longest) < lengths[:, None]
    pieces = torch.randint(1, TINY.vocabulary, (len(POSTS), longest), generator=generator).where(mask, 0)
    pictures = torch.stack([picture((TINY.side, TINY.side), generator) for _ in range(PICTURES)])
    return pieces, mask, pictures, torch.tensor([row for _, row in POSTS])


def nearest(features):
    """All others of each post, the nearest first, and how far apart the closest two of them are."""
    cosines = features @ features.T
    cosines.fill_diagonal_(-2.0)
    best = cosines.sort(1, descending=True)
    gaps = (best.values[:, :-2] - best.values[:, 1:-1]).min().item()
    return best.indices[:, :-1], gaps


def made(seed):
    """Everything of one seed, or None where its answers would not tell one network from another."""
    generator = torch.Generator().manual_seed(seed)
    pieces, mask, pictures, rows = posts(generator)
    levels = pictures.permute(0, 3, 1, 2).float()
    model = random(TINY, generator, levels)
    with torch.no_grad():
        seen = model.see(levels)
        fused = model.fuse(pieces, mask, seen[rows])
        features = pooled(fused, mask)
        elsewhere = pooled(model.fuse(pieces, mask, seen[(rows + 1) % PICTURES]), mask)
        otherwise = pooled(model.fuse(pieces.flip(0).where(mask, 0), mask, seen[rows]), mask)
    neighbours, gap = nearest(features)
    # No order hangs on how sums are rounded, and both the picture and the words matter to every post.
    moved = min((features - other).norm(dim=1).min().item() for other in (elsewhere, otherwise))
    if gap < 1e-3 or moved < 0.05:
        return None
    print(f"seed {seed}: vectors move by {moved:.2f} at least, cosines are {gap:.1e} apart")
    out = {f"model.{name}": value for name, value in stored(model).items()}
    out |= {"pieces": pieces, "lengths": mask.sum(1), "rows": rows, "pictures": pictures, "seen": seen}
    # What stands where nothing is read means nothing.
    return out | {"fused": fused * mask[:, :, None], "features": features, "neighbours": neighbours}


def published():
    """How many numbers the network of the published size learns, and whether its shapes fit one another."""
    with torch.device("meta"):
        model = Umt(Sizes()).eval()
        cells = model.resnet(torch.empty(2, 3, 224, 224))
        assert cells.shape == (2, 2048, 7, 7)
        seen = cells.flatten(2).transpose(1, 2)
        said = torch.empty(2, 128, 768)
        words = model.self_attention_v2(said, said, torch.empty(2, 128, dtype=torch.bool))
        told = model.txt2txt_attention(words, model.img2txt_attention(model.vismap2text_v2(seen), words))
        pictured = model.txt2img_attention(words, model.vismap2text(seen))
        assert model.gate(torch.cat([told, pictured], -1)).shape == (2, 128, 768)
    count = sum(parameter.numel() for parameter in model.parameters())
    parts = {part: sum(p.numel() for p in module.parameters()) for part, module in model.named_children()}
    print(f"umt-base-resnet152: {count:,} parameters, {parts}")
    return {"published.umt-base-resnet152": torch.tensor(count)}


def main():
    torch.set_num_threads(1)
    out = next(found for seed in range(10_000) if (found := made(seed)) is not None) | published()
    path = Path(__file__).with_suffix(".safetensors")
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in out.items()}, path)
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
