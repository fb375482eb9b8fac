"""Makes seqtr.safetensors: what SeqTR says when it is tiny and all of its parameters are random.

The authors' code needs packages that can no longer be installed, so the network is stated again here, from the paper
and the facts of the published configuration, in modules of torch: convolutions, batch norms, a GRU, attention.

Needs torch 2.11.0 and safetensors. Run it as `python tests/parity/seqtr.py`.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from common import randomise
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

# Width and height as the network sees the picture, and of the original.
PICTURES = [((128, 70), (300, 164)), ((50, 128), (70, 180)), ((128, 128), (128, 128)), ((128, 96), (64, 48))]
WORDS = [4, 7, 1, 2]

STEPS = "head.transformer.seq_positional_encoding.embedding.weight"
LAST_BIAS = "head.predictor.2.fc.bias"


@dataclass(frozen=True)
class Sizes:
    vocabulary: int = 10344
    word_width: int = 300
    max_words: int = 15
    side: int = 640
    width: int = 32
    blocks: tuple = (1, 2, 8, 8, 4)
    d_model: int = 256
    ffn: int = 1024
    heads: int = 8
    groups: int = 32
    encoder_layers: int = 6
    decoder_layers: int = 3
    bins: int = 1000
    points: int = 0

    @property
    def steps(self):
        return 2 * self.points + 1 if self.points else 4


TINY = Sizes(
    vocabulary=40, word_width=12, max_words=7, side=128, width=2, blocks=(1, 2, 1, 1, 1), d_model=16, ffn=24, heads=2,
    groups=4, encoder_layers=2, decoder_layers=2, bins=50,
)


class Conv(nn.Module):
    """A convolution that keeps the size or halves it, a batch norm, a leaky rectifier."""

    def __init__(self, inputs, outputs, kernel, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return F.leaky_relu(self.bn(self.conv(x)), 0.1)


class Blocks(nn.Module):
    def __init__(self, channels, count, short_cut=True):
        super().__init__()
        self.short_cut = short_cut
        half = channels // 2
        self.module_list = nn.ModuleList(
            nn.ModuleList([Conv(channels, half, 1), Conv(half, channels, 3)]) for _ in range(count)
        )

    def forward(self, x):
        for narrow, widen in self.module_list:
            inner = widen(narrow(x))
            x = inner + x if self.short_cut else inner
        return x


class DarkNet(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        width = sizes.width
        layers = [Conv(3, width, 3)]
        for count in sizes.blocks:
            layers += [Conv(width, 2 * width, 3, stride=2), Blocks(2 * width, count)]
            width *= 2
        layers += [Blocks(width, 2, short_cut=False), Conv(width, width // 2, 1), Conv(width // 2, width, 3)]
        self.darknet = nn.ModuleList(layers)

    def forward(self, x):
        maps = []
        for layer in self.darknet:
            x = layer(x)
            maps.append(x)
        return maps[6], maps[8], maps[13]


class Language(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.embedding = nn.Embedding(sizes.vocabulary, sizes.word_width)
        self.lstm = nn.GRU(sizes.word_width, 16 * sizes.width, batch_first=True, bidirectional=True)

    def forward(self, words):
        states, _ = self.lstm(self.embedding(words))
        return torch.stack([row[own != 0].max(0).values for row, own in zip(states, words)])


class Fusion(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        fine, middle, coarse = 8 * sizes.width, 16 * sizes.width, 32 * sizes.width
        self.down_bot2mid = nn.Sequential(nn.AvgPool2d(2), Conv(fine, fine, 3))
        self.down_mid2top = nn.Sequential(nn.AvgPool2d(2), Conv(fine + middle, fine + middle, 3))
        every = fine + middle + coarse
        self.top_project = nn.Sequential(Conv(every, every, 3), Conv(every, coarse, 1))

    def forward(self, maps, phrase):
        fine, middle, coarse = maps
        middle = torch.cat([self.down_bot2mid(fine), middle], 1)
        coarse = torch.cat([self.down_mid2top(middle), coarse], 1)
        return torch.tanh(self.top_project(coarse)) * torch.tanh(phrase)[:, :, None, None]


class EncoderLayer(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        d = sizes.d_model
        self.self_attn = nn.MultiheadAttention(d, sizes.heads, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(d, sizes.ffn), nn.Linear(sizes.ffn, d)
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)

    def forward(self, x, positions, hidden):
        places = x + positions
        x = self.norm1(x + self.self_attn(places, places, x, key_padding_mask=hidden, need_weights=False)[0])
        return self.norm2(x + self.linear2(torch.relu(self.linear1(x))))


class DecoderLayer(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        d = sizes.d_model
        self.self_attn = nn.MultiheadAttention(d, sizes.heads, batch_first=True)
        self.multihead_attn = nn.MultiheadAttention(d, sizes.heads, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(d, sizes.ffn), nn.Linear(sizes.ffn, d)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(d), nn.LayerNorm(d), nn.LayerNorm(d)

    def forward(self, x, steps, memory, positions, hidden):
        length = x.shape[1]
        later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
        places = x + steps
        x = self.norm1(x + self.self_attn(places, places, x, attn_mask=later, need_weights=False)[0])
        seen = self.multihead_attn(
            x + steps, memory + positions, memory, key_padding_mask=hidden, need_weights=False
        )[0]
        x = self.norm2(x + seen)
        return self.norm3(x + self.linear2(torch.relu(self.linear1(x))))


class Stack(nn.Module):
    def __init__(self, layers, norm=None):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        if norm is not None:
            self.norm = norm


class InputProjection(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.conv = nn.Conv2d(32 * sizes.width, sizes.d_model, 1)
        self.gn = nn.GroupNorm(sizes.groups, sizes.d_model)


class Positions(nn.Module):
    def __init__(self, rows, width):
        super().__init__()
        self.embedding = nn.Embedding(rows, width)


class Transformer(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.encoder = Stack([EncoderLayer(sizes) for _ in range(sizes.encoder_layers)])
        layers = [DecoderLayer(sizes) for _ in range(sizes.decoder_layers)]
        self.decoder = Stack(layers, nn.LayerNorm(sizes.d_model))
        rows = 2 * sizes.points + 1 if sizes.points else 5
        self.seq_positional_encoding = Positions(rows, sizes.d_model)
        self.query_embedding = nn.Embedding(sizes.bins + 1, sizes.d_model)
        self.input_proj = InputProjection(sizes)


class Predicted(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)

    def forward(self, x):
        return self.fc(x)


class Head(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.transformer = Transformer(sizes)
        d = sizes.d_model
        self.predictor = nn.ModuleList([Predicted(d, d), Predicted(d, d), Predicted(d, sizes.bins + 1)])


def sine_positions(hidden, width):
    """Row and column of every cell, counted where a picture is and divided by the last count; `hidden` is [B, g, g]."""
    shown = (~hidden).float()
    exponents = 2 * torch.div(torch.arange(width // 2, device=hidden.device), 2, rounding_mode="floor") / (width // 2)
    divisors = 10000.0**exponents
    halves = []
    for axis in (1, 2):
        counted = shown.cumsum(axis)
        last = counted.select(axis, -1).unsqueeze(axis)
        angles = (counted / (last + 1e-6) * 2 * math.pi).unsqueeze(-1) / divisors
        waves = torch.empty_like(angles)
        waves[..., 0::2], waves[..., 1::2] = angles[..., 0::2].sin(), angles[..., 1::2].cos()
        halves.append(waves)
    return torch.cat(halves, -1).flatten(1, 2)


class SeqTr(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.sizes = sizes
        self.vis_enc, self.lan_enc = DarkNet(sizes), Language(sizes)
        self.head, self.fusion = Head(sizes), Fusion(sizes)

    def encode(self, pixels, words, seen):
        """`seen` has each picture's width and height in pixels."""
        maps = self.vis_enc(pixels)
        phrase = self.lan_enc(words)
        fused = self.fusion(maps, phrase)
        grid = self.sizes.side // 32
        # A cell is hidden when its first pixel is.
        firsts = 32 * torch.arange(grid, device=pixels.device)
        hidden = torch.stack([(firsts[:, None] >= height) | (firsts[None] >= width) for width, height in seen])
        positions = sine_positions(hidden, self.sizes.d_model)
        hidden = hidden.flatten(1)
        transformer = self.head.transformer
        x = transformer.input_proj.gn(transformer.input_proj.conv(fused)).flatten(2).transpose(1, 2)
        for layer in transformer.encoder.layers:
            x = layer(x, positions, hidden)
        return {"maps": maps, "phrase": phrase, "fused": fused, "memory": (x, positions, hidden)}

    def logits(self, prefix, memory):
        """The logits of every token after the beginning and after each of `prefix`, all computed anew."""
        transformer = self.head.transformer
        tokens = transformer.query_embedding(prefix)
        x = torch.cat([torch.zeros_like(transformer.query_embedding.weight[:1]).expand(len(tokens), 1, -1), tokens], 1)
        steps = transformer.seq_positional_encoding.embedding(torch.arange(x.shape[1], device=x.device))
        for layer in transformer.decoder.layers:
            x = layer(x, steps, *memory)
        x = transformer.decoder.norm(x)
        first, second, last = self.head.predictor
        return last(torch.relu(second(torch.relu(first(x)))))

    def answer(self, memory):
        """The likeliest token at each step, to the last step there is, and the logits of each step."""
        tokens = torch.zeros(len(memory[0]), 0, dtype=torch.long)
        for _ in range(self.sizes.steps):
            logits = self.logits(tokens, memory)
            choices = logits[:, -1] if self.sizes.points else logits[:, -1, :-1]
            tokens = torch.cat([tokens, choices.argmax(-1, keepdim=True)], 1)
        return tokens, logits


def random(model, generator, pixels, shift=0.0, head=None):
    """Draws all parameters, and what the norms remember near to what they see of the pixels.

    `shift` is added to what the norms add, `head` says how the head is drawn.
    """
    with torch.no_grad():
        for name, part in model.named_children():
            # The head's matrices are large, or it would say the same of everything.
            own = head or {"matrix": 3.0} if name == "head" else {"matrix": 1.5}
            spread = {"other": 0.2, "tables": {"embedding": 1.0}} | own
            randomise(part.named_parameters(), generator, **spread)
        # What norms remember is near to what they see, or nothing but the signs would pass the tanh.
        norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
        for norm in norms:
            norm.bias += shift
            norm.momentum = 1.0
        model.train()
        model.fusion(model.vis_enc(pixels), torch.ones(len(pixels), 32 * model.sizes.width))
        model.eval()
        for norm in norms:
            draw = torch.randn((2, norm.num_features), generator=generator)
            norm.running_mean += 0.3 * draw[0] * norm.running_var.sqrt()
            norm.running_var *= (0.3 * draw[1]).exp()


def questions(generator):
    words = torch.zeros(len(WORDS), TINY.max_words, dtype=torch.long)
    for row, count in zip(words, WORDS):
        row[:count] = torch.randint(1, TINY.vocabulary, (count,), generator=generator)
    # Pictures with something in them: patches of 16 pixels, and noise.
    pictures = []
    for (width, height), _ in PICTURES:
        patches = torch.randint(0, 200, (-(-height // 16), -(-width // 16), 3), generator=generator)
        patches = patches.repeat_interleave(16, 0).repeat_interleave(16, 1)[:height, :width]
        pictures.append((patches + torch.randint(0, 56, patches.shape, generator=generator)).to(torch.uint8))
    pixels = torch.zeros(len(pictures), 3, TINY.side, TINY.side)
    for square, picture in zip(pixels, pictures):
        square[:, : picture.shape[0], : picture.shape[1]] = picture.permute(2, 0, 1)
    return words, pictures, pixels


def margins(logits):
    best = logits.topk(2, -1).values
    return (best[..., 0] - best[..., 1]).min().item()


def made(seed):
    """Everything of one seed, or None where its answers would not tell one network from another."""
    generator = torch.Generator().manual_seed(seed)
    words, pictures, pixels = questions(generator)
    boxes = SeqTr(TINY)
    random(boxes, generator, pixels)
    with torch.no_grad():
        taps = boxes.encode(pixels, words, [size for size, _ in PICTURES])
        box_tokens, box_logits = boxes.answer(taps["memory"])
    # All boxes differ, and most have different edges.
    different = {tuple(row) for row in box_tokens.tolist()}
    if len(different) < len(PICTURES) or sum(len(set(row)) > 1 for row in different) < 3:
        return None
    if margins(box_logits[..., :-1]) < 1e-2:
        return None

    # The contours' network differs in the table of steps and in how likely the end is, so that the rest is stored once.
    contours = SeqTr(replace(TINY, points=6)).eval()
    state = {name: tensor.clone() for name, tensor in boxes.state_dict().items()}
    state[STEPS] = torch.randn((13, TINY.d_model), generator=generator)
    likely = state[LAST_BIAS][-1].item()
    for more in range(40):
        state[LAST_BIAS][-1] = likely + 0.5 * more
        contours.load_state_dict(state)
        with torch.no_grad():
            contour_tokens, contour_logits = contours.answer(taps["memory"])
        ends = [(row == TINY.bins).nonzero().flatten().tolist() for row in contour_tokens]
        lengths = [end[0] if end else len(row) for end, row in zip(ends, contour_tokens)]
        # One contour goes on to the last step, and one ends where it encloses something.
        telling = max(lengths) == 13 and any(6 <= length < 13 for length in lengths)
        if telling and margins(contour_logits) > 1e-2:
            break
    else:
        return None
    memory, _, hidden = taps["memory"]
    out = {f"model.{name}": tensor for name, tensor in boxes.state_dict().items()}
    out |= {f"contour.{name}": state[name] for name in (STEPS, LAST_BIAS)}
    out |= {"words": words, "phrase": taps["phrase"], "fused": taps["fused"]}
    out |= {f"map.{index}": one for index, one in enumerate(taps["maps"])}
    out |= {"memory": memory, "hidden": hidden, "sizes": torch.tensor(PICTURES)}
    out |= {"boxes.tokens": box_tokens, "boxes.logits": box_logits}
    out |= {"contours.tokens": contour_tokens, "contours.logits": contour_logits}
    out |= {f"picture.{index}": picture for index, picture in enumerate(pictures)}
    print(f"seed {seed}: boxes {box_tokens.tolist()}, contours of {lengths} tokens, {0.5 * more} added to the end")
    saturated = (taps["fused"].abs() > 0.99).float().mean()
    print(f"fused: deviation {taps['fused'].std():.2f}, {saturated:.0%} saturated")
    return out


def published():
    """How many numbers the networks of the published sizes learn, and whether their shapes fit one another."""
    counts = {}
    for name, points in (("seqtr-refcoco", 0), ("seqtr-refcoco-contour", 18)):
        with torch.device("meta"):
            sizes = Sizes(points=points)
            model = SeqTr(sizes).eval()
            maps = model.vis_enc(torch.empty(2, 3, 640, 640))
            states, _ = model.lan_enc.lstm(torch.empty(2, 15, 300))
            fused = model.fusion(maps, states.amax(1))
            memory = (torch.empty(2, 400, 256), torch.empty(2, 400, 256), torch.empty(2, 400, dtype=torch.bool))
            logits = model.logits(torch.empty(2, sizes.steps - 1, dtype=torch.long), memory)
        assert [tuple(one.shape[1:]) for one in maps] == [(256, 80, 80), (512, 40, 40), (1024, 20, 20)]
        assert fused.shape == (2, 1024, 20, 20) and logits.shape == (2, sizes.steps, 1001)
        counts[name] = sum(parameter.numel() for parameter in model.parameters())
        parts = {part: sum(p.numel() for p in module.parameters()) for part, module in model.named_children()}
        print(f"{name}: {counts[name]:,} parameters, {parts}")
    return {f"published.{name}": torch.tensor(count) for name, count in counts.items()}


def main():
    torch.set_num_threads(1)
    out = next(found for seed in range(100_000) if (found := made(seed)) is not None) | published()
    out = {name: tensor.contiguous().clone() for name, tensor in out.items()}
    save_file(out, Path(__file__).with_suffix(".safetensors"))


if __name__ == "__main__":
    main()
