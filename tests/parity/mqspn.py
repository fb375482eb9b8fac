"""Makes mqspn.safetensors: what MQSPN answers when it is tiny and all of its parameters are random, the gradients of one
step of its training, and what it sees where patches are cut from the cells of a ResNet.

The authors' code is not a package and has no licence, so the network is stated again here, in plain torch, from its
description in `src/networks/mqspn`; the matching is tried in all ways. The ResNet is UMT's.

Needs torch 2.11.0, transformers 5.23.0 and safetensors. Run: python tests/parity/mqspn.py
"""

import math
from itertools import permutations
from pathlib import Path

import torch
from common import picture, randomise, with_buffers
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from umt import ResNet, Sizes

VOCABULARY, WIDTH, HEADS, LAYERS, FFN, POSITIONS, FIRST = 40, 16, 4, 3, 24, 24, 2
SIDE, PATCH, VISION_LAYERS, VISION_FFN, FUSED = 48, 12, 3, 20, 2
TYPES, QUERIES, FUSION_LAYERS, BINS = 3, 7, 2, 2
EPSILON = 1e-5
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
DEVIATION = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]
# Pieces of each text, words of it, and whether it has a picture.
TEXTS = [(14, 6, True), (5, 3, True), (9, 5, False), (11, 4, True)]
REGIONS = [5, 3, 0, 4]
# The gold of each text: first word, last word, class, boxes as indices of its regions.
GOLD = [[(0, 1, 1, [2]), (3, 3, 3, [])], [(2, 2, 2, [0, 1])], [(1, 3, 1, [])], []]


def attend(queries, keys, values, mask):
    """Softmax attention of many heads, spelt out; `mask` is true where a key may be seen."""
    split = lambda states: states.unflatten(-1, (HEADS, -1)).transpose(1, 2)  # noqa: E731
    queries, keys, values = split(queries), split(keys), split(values)
    scores = queries @ keys.transpose(-1, -2) / math.sqrt(queries.shape[-1])
    if mask is not None:
        scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return (scores.softmax(-1) @ values).transpose(1, 2).flatten(-2)


class Norm(nn.LayerNorm):
    def __init__(self):
        super().__init__(WIDTH, eps=EPSILON)


class Attention(nn.Module):
    """BERT's, with queries that may come from elsewhere than what is added to the output."""

    def __init__(self):
        super().__init__()
        self.self = nn.ModuleDict({name: nn.Linear(WIDTH, WIDTH) for name in ("query", "key", "value")})
        self.output = nn.ModuleDict({"dense": nn.Linear(WIDTH, WIDTH), "LayerNorm": Norm()})

    def memory(self, states):
        return self.self["key"](states), self.self["value"](states)

    def forward(self, asking, states, memory, mask=None):
        seen = attend(self.self["query"](asking), *memory, mask)
        return self.output["LayerNorm"](self.output["dense"](seen) + states)


class FeedForward(nn.Module):
    def __init__(self, fused=False):
        super().__init__()
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(WIDTH, FFN)})
        if fused:
            self.intermediate["fusion_dense"] = nn.Linear(WIDTH, FFN)
        self.output = nn.ModuleDict({"dense": nn.Linear(FFN, WIDTH), "LayerNorm": Norm()})

    def forward(self, states, shown=None):
        inner = self.intermediate["dense"](states)
        if shown is not None:
            inner = inner + self.intermediate["fusion_dense"](shown)
        return self.output["LayerNorm"](self.output["dense"](F.gelu(inner)) + states)


class TextLayer(FeedForward):
    def __init__(self, fused=False):
        super().__init__(fused)
        self.attention = Attention()


class PictureLayer(nn.Module):
    """CLIP's, whose keys and values may have those of the text before them."""

    def __init__(self):
        super().__init__()
        names = ("q_proj", "k_proj", "v_proj", "out_proj")
        self.self_attn = nn.ModuleDict({name: nn.Linear(WIDTH, WIDTH) for name in names})
        self.layer_norm1, self.layer_norm2 = Norm(), Norm()
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(WIDTH, VISION_FFN), "fc2": nn.Linear(VISION_FFN, WIDTH)})

    def forward(self, states, memory=None, mask=None):
        normed = self.layer_norm1(states)
        keys, values = self.self_attn["k_proj"](normed), self.self_attn["v_proj"](normed)
        if memory is not None:
            keys, values = torch.cat([memory[0], keys], 1), torch.cat([memory[1], values], 1)
        seen = attend(self.self_attn["q_proj"](normed), keys, values, mask)
        states = states + self.self_attn["out_proj"](seen)
        inner = self.mlp["fc1"](self.layer_norm2(states))
        return states + self.mlp["fc2"](inner * torch.sigmoid(1.702 * inner))


class Table(nn.Module):
    def __init__(self, rows):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, WIDTH))


class Pointer(nn.Module):
    def __init__(self):
        super().__init__()
        self.pointed, self.query, self.score = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 1)

    def forward(self, pointed, queries, mask):
        pairs = torch.relu(self.pointed(pointed)[:, None] + self.query(queries)[:, :, None])
        return self.score(pairs).squeeze(-1).masked_fill(~mask[:, None], -1e4)


def named(**modules):
    return nn.ModuleDict(modules)


class Mqspn(nn.Module):
    def __init__(self):
        super().__init__()
        tables = {"word_embeddings": VOCABULARY, "position_embeddings": POSITIONS, "token_type_embeddings": 1}
        embeddings = nn.ModuleDict({name: Table(rows) for name, rows in tables.items()} | {"LayerNorm": Norm()})
        layers = [TextLayer(index >= LAYERS - FUSED) for index in range(LAYERS)]
        self.bert = named(embeddings=embeddings, encoder=named(layer=nn.ModuleList(layers)))
        patches = nn.Module()
        patches.class_embedding = nn.Parameter(torch.empty(WIDTH))
        patches.patch_embedding = nn.Conv2d(3, WIDTH, PATCH, stride=PATCH, bias=False)
        patches.position_embedding = Table(1 + (SIDE // PATCH) ** 2)
        layers = nn.ModuleList([PictureLayer() for _ in range(VISION_LAYERS)])
        self.vision_model = named(embeddings=patches, pre_layrnorm=Norm(), encoder=named(layers=layers))
        self.queries = named(
            entity_embeddings=Table(QUERIES), type_prompts=Table(TYPES), position_embeddings=Table(QUERIES),
            LayerNorm=Norm(), position_LayerNorm=Norm(),
        )
        self.regions = nn.Module()
        self.regions.seen = nn.Linear(BINS * BINS * WIDTH, WIDTH)
        self.regions.place = nn.Linear(6, WIDTH)
        self.regions.none = nn.Parameter(torch.empty(WIDTH))
        self.regions.LayerNorm = Norm()
        fusion = lambda: named(  # noqa: E731
            words=TextLayer(), regions=PictureLayer(), among_queries=Attention(), at_words=Attention(),
            at_regions=Attention(), queries=FeedForward(),
        )
        self.fusion = nn.ModuleList([fusion() for _ in range(FUSION_LAYERS)])
        kinds = named(query=nn.Linear(WIDTH, WIDTH), classifier=nn.Linear(3 * WIDTH, 1 + TYPES))
        self.heads = nn.ModuleDict({"left": Pointer(), "right": Pointer(), "region": Pointer(), "entity_type": kinds})

    def see(self, levels):
        return self.see_patches(self.vision_model["embeddings"].patch_embedding((levels / 255 - MEAN) / DEVIATION))

    def see_patches(self, patches):
        vision = self.vision_model
        patches = patches.flatten(2).transpose(1, 2)
        whole = vision["embeddings"].class_embedding.expand(len(patches), 1, -1)
        states = torch.cat([whole, patches], 1) + vision["embeddings"].position_embedding.weight
        states = vision["pre_layrnorm"](states)
        for layer in vision["encoder"]["layers"][: VISION_LAYERS - FUSED]:
            states = layer(states)
        return states

    def region_states(self, patches, boxes):
        grid = SIDE // PATCH
        cells = patches[:, 1:].unflatten(1, (grid, grid))
        rows = []
        for own, picture_boxes in zip(cells, boxes):
            found = []
            for left, top, right, bottom in picture_boxes.tolist():
                parts = []
                for row in range(BINS):
                    for column in range(BINS):
                        part = torch.zeros(WIDTH)
                        for y in range(grid):
                            for x in range(grid):
                                width, height = (right - left) / BINS, (bottom - top) / BINS
                                over = lambda start, side, cell: max(  # noqa: E731
                                    0.0, min(start + side, (cell + 1) / grid) - max(start, cell / grid)
                                )
                                across = over(left + column * width, width, x)
                                down = over(top + row * height, height, y)
                                if width * height > 0:
                                    part = part + own[y, x] * (across * down / (width * height))
                        parts.append(part)
                place = torch.tensor([left, top, right, bottom, right - left, bottom - top])
                found.append(self.regions.seen(torch.cat(parts)) + self.regions.place(place))
            rows.append(torch.stack([self.regions.none, *found]))
        return self.regions.LayerNorm(torch.stack(rows))

    def forward(self, pieces, mask, word_of, is_word, seen, shown, boxes, is_candidate):
        embeddings = self.bert["embeddings"]
        length = pieces.shape[1]
        text = embeddings["word_embeddings"].weight[pieces]
        text = text + embeddings["position_embeddings"].weight[FIRST : FIRST + length]
        text = embeddings["LayerNorm"](text + embeddings["token_type_embeddings"].weight[0])
        prompts = self.queries["type_prompts"].weight[torch.arange(QUERIES) % TYPES]
        queries = self.queries["LayerNorm"](self.queries["entity_embeddings"].weight + prompts)
        positions = self.queries["position_LayerNorm"](self.queries["position_embeddings"].weight)
        queries = queries.expand(len(pieces), -1, -1)
        patches = seen
        open_patches = torch.cat([torch.ones_like(shown)[:, None], shown[:, None].expand(-1, seen.shape[1] - 1)], 1)
        later = iter(self.vision_model["encoder"]["layers"][VISION_LAYERS - FUSED :])
        for index, layer in enumerate(self.bert["encoder"]["layer"]):
            memory = layer.attention.memory(text)
            queries = layer(layer.attention(queries + positions, queries, memory, mask))
            read = layer.attention(text, text, memory, mask)
            if index < LAYERS - FUSED:
                text = layer(read)
                continue
            patches = next(later)(patches, memory, torch.cat([mask, open_patches], 1))
            scores = (read @ patches.transpose(1, 2) / math.sqrt(WIDTH)).masked_fill(~open_patches[:, None], -torch.inf)
            text = layer(read, scores.softmax(-1) @ patches)

        words = torch.stack([
            torch.stack([
                own[place == word].amax(0) if (place == word).any() else torch.zeros(WIDTH)
                for word in range(is_word.shape[1])
            ])
            for own, place in zip(text, word_of)
        ])
        regions = self.region_states(patches, boxes)
        open_regions = torch.cat([torch.ones_like(shown)[:, None], is_candidate], 1)
        answers = []
        for layer in self.fusion:
            memory = layer["words"].attention.memory(words)
            regions = layer["regions"](regions, memory, torch.cat([is_word, open_regions], 1))
            words = layer["words"](layer["words"].attention(words, words, memory, is_word))
            asking = queries + positions
            queries = layer["among_queries"](asking, queries, layer["among_queries"].memory(asking))
            queries = layer["at_words"](queries + positions, queries, layer["at_words"].memory(words), is_word)
            at = layer["at_regions"]
            queries = at(queries + positions, queries, at.memory(regions), open_regions)
            queries = layer["queries"](queries)
            left = self.heads["left"](words, queries, is_word)
            right = self.heads["right"](words, queries, is_word)
            kinds = self.heads["entity_type"]
            known = torch.cat([kinds["query"](queries), left.sigmoid() @ words, right.sigmoid() @ words], -1)
            answers.append({
                "left": left, "right": right, "regions": self.heads["region"](regions, queries, open_regions),
                "types": kinds["classifier"](torch.relu(known)),
            })
        return answers


# How much each part counts in the matching and in the loss, and how many queries of each text have an entity to find.
SHARE, TYPE, BOUNDARY, REGION = 0.6, 2.0, 2.0, 2.0


def targets(regions):
    """For each text its gold, repeated in turn: first word, last word, class, and how good each region is."""
    rows = []
    for gold, count in zip(GOLD, REGIONS):
        own = []
        for left, right, kind, boxes in gold:
            good = torch.zeros(1 + regions)
            for number, box in enumerate(boxes):
                good[1 + box] = 0.9 - 0.2 * number
            good[0] = 0.0 if boxes else 1.0
            own.append((left, right, kind, good))
        wanted = max(len(own), math.floor(SHARE * QUERIES))
        rows.append([own[number % len(own)] for number in range(wanted)] if own else [])
    return rows


def loss(answers, gold, is_word, is_candidate):
    total = 0.0
    pairs = []
    open_regions = torch.cat([torch.ones_like(is_candidate[:, :1]), is_candidate], 1)
    matched_all = sum(len(row) for row in gold)
    for answer in answers:
        classes = torch.zeros(len(gold), QUERIES, dtype=torch.long)
        boundary = region = torch.tensor(0.0)
        for number, row in enumerate(gold):
            if not row:
                continue
            with torch.no_grad():
                kinds = answer["types"][number].softmax(-1)
                left, right = answer["left"][number].sigmoid(), answer["right"][number].sigmoid()
                seen = answer["regions"][number].sigmoid()
                cost = torch.stack([
                    -TYPE * kinds[:, kind] - BOUNDARY * (left[:, first] + right[:, last])
                    - REGION * (seen @ good) / good.sum()
                    for first, last, kind, good in row
                ])
            ways = torch.tensor(list(permutations(range(QUERIES), len(row))))
            best = cost.gather(1, ways.T).sum(0).argmin()
            for gold_number, query in enumerate(ways[best].tolist()):
                pairs.append([number, query, gold_number])
                first, last, kind, good = row[gold_number]
                classes[number, query] = kind
                for part, place in (("left", first), ("right", last)):
                    logits = answer[part][number, query][is_word[number]]
                    wanted = torch.zeros_like(logits)
                    wanted[place] = 1.0
                    boundary = boundary + F.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")
                own = open_regions[number]
                logits = answer["regions"][number, query][own]
                region = region + F.binary_cross_entropy_with_logits(logits, good[own], reduction="sum")
        weights = torch.ones(1 + TYPES)
        weights[0] = matched_all / (len(gold) * QUERIES - matched_all)
        kinds = F.cross_entropy(answer["types"].flatten(0, 1), classes.flatten(), weights)
        total = total + TYPE * kinds + (BOUNDARY * boundary + REGION * region) / matched_all
    return total, len(pairs)


def posts(generator):
    longest, widest, most = (max(values) for values in ([t[0] for t in TEXTS], [t[1] for t in TEXTS], REGIONS))
    rows = len(TEXTS)
    pieces = torch.randint(2, VOCABULARY, (rows, longest), generator=generator)
    word_of = torch.full((rows, longest), widest)
    mask, is_word = torch.zeros(rows, longest, dtype=torch.bool), torch.zeros(rows, widest, dtype=torch.bool)
    for row, (length, words, _) in enumerate(TEXTS):
        mask[row, :length], is_word[row, :words] = True, True
        # The first word has several pieces, and the last piece ends the text.
        ends = length - 1
        word_of[row, 1:ends] = (torch.arange(ends - 1) - (ends - 1 - words)).clamp_min(0)
    pieces = pieces.where(mask, 1)
    boxes = torch.zeros(rows, most, 4)
    is_candidate = torch.zeros(rows, most, dtype=torch.bool)
    for row, count in enumerate(REGIONS):
        is_candidate[row, :count] = True
        corner = torch.rand(count, 2, generator=generator) * 0.5
        side = 0.15 + torch.rand(count, 2, generator=generator) * 0.35
        boxes[row, :count] = torch.cat([corner, corner + side], 1)
    shown = torch.tensor([with_picture for _, _, with_picture in TEXTS])
    return pieces, mask, word_of, is_word, shown, boxes, is_candidate


def made(seed):
    """Everything of one seed, or None where its answers are too much alike to tell one network from another."""
    generator = torch.Generator().manual_seed(seed)
    pieces, mask, word_of, is_word, shown, boxes, is_candidate = posts(generator)
    pictures = torch.stack([picture((SIDE, SIDE), generator) for _ in TEXTS])
    model = Mqspn()
    sharp = {"classifier": 3.0, "score": 3.0, "query": 2.0}
    tables = {"embedding": 0.5, "prompts": 0.5}
    randomise(model.named_parameters(), generator, matrix=1.2, other=0.2, tables=tables, matrices=sharp)
    seen = model.see(pictures.permute(0, 3, 1, 2).float())
    answers = model(pieces, mask, word_of, is_word, seen, shown, boxes, is_candidate)
    gold = targets(boxes.shape[1])
    total, pairs = loss(answers, gold, is_word, is_candidate)
    last = answers[-1]
    decided = {part: last[part].argmax(-1).unique().numel() for part in last}
    if min(decided.values()) < 3:
        return None
    total.backward()
    print(f"seed {seed}: loss {total.item():.4f}, {pairs} pairs, kinds of decisions {decided}")
    out = {f"model.{name}": value for name, value in model.named_parameters()}
    out |= {f"gradient.{name}": value.grad for name, value in model.named_parameters()}
    out |= {"pieces": pieces, "mask": mask.long(), "word_of": word_of, "is_word": is_word.long(), "boxes": boxes}
    out |= {"shown": shown.long(), "is_candidate": is_candidate.long(), "pictures": pictures, "seen": seen}
    out |= {f"{part}.{index}": answer[part] for index, answer in enumerate(answers) for part in answer}
    out["loss"] = total
    out["gold"] = torch.tensor([[row, *entity[:3]] for row, own in enumerate(gold) for entity in own])
    out["good"] = torch.stack([entity[3] for own in gold for entity in own])
    return out


class Hybrid(Mqspn):
    """Its patches are of three by three cells of a ResNet of one stage, which sees levels from -1 to 1."""

    def __init__(self):
        super().__init__()
        embeddings = self.vision_model["embeddings"]
        embeddings.resnet = ResNet(Sizes(blocks=(2,), width=4))
        embeddings.patch_embedding = nn.Conv2d(16, WIDTH, PATCH // 4, stride=PATCH // 4, bias=False)

    def see(self, levels):
        embeddings = self.vision_model["embeddings"]
        return self.see_patches(embeddings.patch_embedding(embeddings.resnet(levels / 127.5 - 1)))


def hybrid():
    generator = torch.Generator().manual_seed(1)
    model = Hybrid().eval()
    named = [(name, tensor) for name, tensor in with_buffers(model) if name.startswith("vision_model.")]
    randomise(named, generator, matrix=1.2, other=0.2, tables={"embedding": 0.5})
    pictures = torch.stack([picture((SIDE, SIDE), generator) for _ in range(2)])
    out = {f"hybrid.{name}": tensor for name, tensor in named if tensor.is_floating_point()}
    return out | {"hybrid_pictures": pictures, "hybrid_seen": model.see(pictures.permute(0, 3, 1, 2).float())}


def main():
    torch.set_num_threads(1)
    out = next(found for seed in range(10_000) if (found := made(seed)) is not None) | hybrid()
    path = Path(__file__).with_suffix(".safetensors")
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in out.items()}, path)
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
