"""Makes grounding_dino.safetensors: what transformers' Grounding DINO says when it is tiny and all of its parameters are
random, and which tensors of it a published file holds.

Pictures have several shapes, none of them square, and go through alone, as the published processor lets one picture
through: without padding. Prompts have one phrase, or several of which the words of one do not see those of another.

Needs torch 2.11.0, transformers 5.23.0 and safetensors. Run it as `python tests/parity/grounding_dino.py`.
"""

import copy
import json
import tempfile
from pathlib import Path

import torch
from common import picture, randomise
from safetensors.torch import load_file, save_file
from torch import nn

# Height and width, which are no multiples of the patch, of a window or of a cell. Torch norms no map of a single cell.
PICTURES = [(70, 121), (66, 64), (97, 45), (33, 130)]
# Begin, end, full stop, question mark, as in BERT's vocabulary.
BEGIN, END, STOP, QUESTION = DELIMITERS = [101, 102, 1012, 1029]
PROMPTS = [
    [BEGIN, 500, 17, STOP, END],
    [BEGIN, 9, STOP, END],
    [BEGIN, 300, 12, 45, 77, 1005, STOP, END],
    # Two phrases, the first ended by a question mark.
    [BEGIN, 40, 41, QUESTION, 900, 33, 7, STOP, END],
    # No phrase at all: nothing ends it.
    [BEGIN, 500, 17, END],
]
# Of these all taps are kept, of the others the answers.
WATCHED = [(0, 3), (2, 2)]
ANSWERS = ["proposed.order", "proposed", "logits", "boxes", "best", "score"]
CASES = [(0, 0), (0, 3), (1, 1), (2, 2), (2, 4), (3, 0)]


def config(published=None):
    """The tiny dimensions, or those of a published size."""
    from transformers import BertConfig, GroundingDinoConfig, SwinConfig

    stages = {"out_features": ["stage2", "stage3", "stage4"]}
    if published == "grounding-dino-tiny":
        return GroundingDinoConfig(backbone_config=SwinConfig(**stages), text_config=BertConfig())
    if published == "grounding-dino-base":
        trunk = SwinConfig(
            embed_dim=128, depths=[2, 2, 18, 2], num_heads=[4, 8, 16, 32], window_size=12, image_size=384, **stages
        )
        return GroundingDinoConfig(backbone_config=trunk, text_config=BertConfig())
    trunk = SwinConfig(embed_dim=8, depths=[2, 2, 1, 2], num_heads=[1, 2, 2, 4], window_size=3, image_size=32, **stages)
    text = BertConfig(
        vocab_size=1100, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=20,
    )
    return GroundingDinoConfig(
        backbone_config=trunk, text_config=text, d_model=32, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48, num_queries=20,
        encoder_n_points=2, decoder_n_points=2, max_text_len=16,
    )


def random(config, generator, full=False):
    """A network with all of its parameters drawn, those too that begin as zeros: places that are attended to, and how
    much picture and text say to each other."""
    from transformers import GroundingDinoForObjectDetection

    model = GroundingDinoForObjectDetection(config).eval()
    matrices = {
        "query": 2.0, "key": 2.0, "q_proj": 2.0, "k_proj": 2.0, "vision_proj": 2.0, "text_proj": 2.0,
        "attention_weights": 2.0, "bbox_embed": 1.5, "sampling_offsets": 2.0, "enc_output": 1.5,
    }
    tables = {"embedding": 1.0, "level_embed": 1.0, "relative_position": 1.0}
    spread = {"matrix": 1.0, "other": 0.2}
    if full:
        # Deep towers make a large error of every small one where matrices and biases are large.
        spread = {"matrix": 0.7, "other": 0.05}
        matrices |= {"text_backbone": 1.0, "attention.output": 0.3}
    randomise(model.named_parameters(), generator, tables=tables, matrices=matrices, **spread)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("vision_param", "text_param")):
                parameter.copy_(0.5 + 0.2 * torch.randn(parameter.shape, generator=generator))
    # Layers share the perceptron that moves boxes; the copies in the decoder must be the same.
    for index, layer in enumerate(model.model.decoder.bbox_embed):
        layer.load_state_dict(model.bbox_embed[index].state_dict())
    return model


def normalised(levels):
    """Pixels as the published processor makes them of levels, `[1, 3, H, W]`."""
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return ((levels.float() / 255 - mean) / deviation).permute(2, 0, 1)[None]


@torch.no_grad()
def said(model, pixels, pieces, boxes=None):
    """What the network says of a prompt about a picture, and what it says on the way; of `boxes`, where they are given, with
    which its decoder begins instead of those that its encoder proposes."""
    taps = {}
    inner = model.model
    begin = lambda _, __, given: ((), given | {"reference_points": boxes[None].to(pixels.dtype)})  # noqa: E731
    handles = [
        inner.text_projection.register_forward_hook(lambda _, __, out: taps.__setitem__("words", out[0])),
        inner.enc_output_norm.register_forward_hook(lambda _, __, out: taps.__setitem__("proposing", out[0])),
    ]
    for index, layer in enumerate(inner.encoder.layers):
        handles.append(
            layer.register_forward_hook(
                lambda _, __, out, index=index: taps.update(
                    {f"encoder.{index}.cells": out[0][0][0], f"encoder.{index}.words": out[0][1][0]}
                )
            )
        )
        handles.append(
            layer.fusion_layer.register_forward_hook(
                lambda _, __, out, index=index: taps.update({f"fused.{index}.cells": out[0][0][0]})
            )
        )
        if index == 0:
            handles.append(
                layer.register_forward_pre_hook(
                    lambda _, __, given: taps.update(
                        {"cells": given["vision_features"][0], "places": given["vision_position_embedding"][0]}
                    ),
                    with_kwargs=True,
                )
            )
    if boxes is not None:
        handles.append(inner.decoder.register_forward_pre_hook(begin, with_kwargs=True))
    out = model(pixel_values=pixels, input_ids=torch.tensor([pieces]))
    for handle in handles:
        handle.remove()
    logits = out.logits[0, :, : len(pieces)]
    assert torch.isinf(out.logits[0, :, len(pieces) :]).all()
    fits = out.enc_outputs_class[0].amax(-1)
    taps["fits"] = fits
    taps["proposed"] = out.init_reference_points[0]
    taps["proposed.order"] = fits.topk(min(model.config.num_queries, len(fits))).indices
    taps |= {"logits": logits, "boxes": out.pred_boxes[0]}
    # As transformers reads it: the score of a box is that of its best word.
    scores = logits.sigmoid().amax(-1)
    # Scores of large logits are all 1 in single precision; their logits differ.
    taps["best"] = logits.amax(-1).argmax()
    taps["score"] = scores.amax()
    ordered = scores.sort(descending=True).values
    taps["margin"] = ordered[0] - ordered[1]
    return taps


@torch.no_grad()
def moved_by_company(model, pixels, phrases):
    """How far the best scores of phrases move when all are asked in one pass."""
    alone = [said(model, pixels, [BEGIN, *phrase, STOP, END])["score"] for phrase in phrases]
    joint = [BEGIN] + [piece for phrase in phrases for piece in (*phrase, STOP)] + [END]
    logits = said(model, pixels, joint)["logits"]
    moved, start = [], 1
    for phrase, score in zip(phrases, alone):
        together = logits[:, start : start + len(phrase) + 1].sigmoid().amax()
        moved.append((together - score).abs().item())
        start += len(phrase) + 1
    return moved


def in_16_bits(model, pixels, pieces, exact):
    """How far the network is in 16 bits from what it says in 32: root mean squares, as parts of those of the numbers."""
    errors = {}
    for name, kind in (("bf16", torch.bfloat16), ("f16", torch.float16)):
        rounded = said(copy.deepcopy(model).to(kind), pixels.to(kind), pieces)
        for tap in ("cells", "words", "encoder.0.cells", "encoder.0.words"):
            error = (rounded[tap].double() - exact[tap].double()).norm() / exact[tap].double().norm()
            errors[f"{name}.{tap}"] = error
            print(f"{name} {tap}: {error:.4f} off")
    return errors


def published_tensors(model):
    """The tensors of the file that transformers writes, whose names are those of the published one."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return load_file(Path(folder) / "model.safetensors")


def learnt(published):
    """How many numbers a published network learns, shared ones once; the norm that is not read is not counted."""
    from transformers import GroundingDinoForObjectDetection

    with torch.device("meta"):
        model = GroundingDinoForObjectDetection(config(published))
    # A perceptron that layers share stands here once.
    return sum(parameter.numel() for name, parameter in model.named_parameters() if "swin.layernorm" not in name)


# Height and width of pictures, and as they are scaled: the longer side at its limit, or the shorter, both, neither.
SIDES = {"shortest_edge": 40, "longest_edge": 66}
SCALED = [(30, 37), (90, 61), (12, 70), (200, 41), (40, 66), (40, 50), (41, 41), (7, 300), (3, 2)]


# Of these the network is asked too: prompts by the number of the picture.
ASKED_OF_SCALED = {2: 0, 3: 3, 4: 2}


def scaled(model, generator):
    """Pictures as the published processor makes pixels of them, in the form that transformers takes whatever
    `preprocessor_config.json` names; what the network says of some; and the sizes of many others at the published sides."""
    from transformers import GroundingDinoImageProcessor
    from transformers.image_transforms import get_size_with_aspect_ratio

    processor = GroundingDinoImageProcessor(size=SIDES)
    out, apart = {}, []
    for index, size in enumerate(SCALED):
        levels = picture(size, generator)
        pixels = processor(levels.numpy(), return_tensors="pt", input_data_format="channels_last")["pixel_values"]
        out |= {f"scaled.{index}.from": levels, f"scaled.{index}.pixels": pixels[0]}
        if index in ASKED_OF_SCALED:
            case = said(model, pixels, PROMPTS[ASKED_OF_SCALED[index]])
            out |= {f"scaled.{index}.score": case["score"], f"scaled.{index}.box": case["boxes"][case["best"]]}
            apart.append(case["margin"].item())
    print(f"scaled pictures: best scores {apart} apart")
    assert min(apart) > 3e-4
    draws = torch.rand((400, 2), generator=generator)
    sizes = [tuple(int(2 ** (2 + 11 * side)) for side in draw) for draw in draws.tolist()]
    sizes += [(800, 1333), (1333, 800), (800, 800), (801, 1334), (480, 640), (1080, 1920), (1, 4000)]
    found = [get_size_with_aspect_ratio(size, 800, 1333) for size in sizes]
    # A side of no pixel, which would be an error there, is one pixel here.
    kept = [(*size, *to) for size, to in zip(sizes, found) if min(to) > 0]
    return out | {"sizes": torch.tensor(kept)}


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(20261128)
    out = {}
    pictures = [picture(size, generator) for size in PICTURES]
    for attempt in range(50):
        model = random(config(), generator)
        cases = [said(model, normalised(pictures[seen]), PROMPTS[asked]) for seen, asked in CASES]
        # Answers that differ, and decisions that do not hang on how sums are rounded.
        scores = torch.stack([case["score"] for case in cases])
        best = {(case["best"].item(), round(case["score"].item(), 3)) for case in cases}
        apart = min(case["margin"].item() for case in cases)
        if len(best) == len(cases) and apart > 3e-4 and 0.02 < scores.min() and scores.max() < 0.98:
            break
    else:
        raise SystemExit("no network answers so that it can be compared")
    print(f"attempt {attempt}: scores {[round(score, 3) for score in scores.tolist()]}, {apart:.4f} apart")
    for (seen, asked), case in zip(CASES, cases):
        if (seen, asked) not in WATCHED:
            case = {tap: tensor for tap, tensor in case.items() if tap in ANSWERS}
        else:
            case |= in_16_bits(model, normalised(pictures[seen]), PROMPTS[asked], case)
        out |= {f"case.{seen}.{asked}.{tap}": tensor for tap, tensor in case.items()}
    moved = moved_by_company(model, normalised(pictures[0]), [[500, 17], [9], [300, 12, 45]])
    print(f"scores move by {moved} when three phrases share a pass")
    with torch.no_grad():
        maps = model.model.backbone.conv_encoder.model(normalised(pictures[0])).feature_maps
    out |= {f"map.{index}": found[0].permute(1, 2, 0) for index, found in enumerate(maps)}
    out |= {f"picture.{index}": levels for index, levels in enumerate(pictures)}
    out |= {f"prompt.{index}": torch.tensor(prompt) for index, prompt in enumerate(PROMPTS)}
    out |= scaled(model, generator)
    out["cases"] = torch.tensor(CASES)
    out |= {f"published.{name}": torch.tensor(learnt(name)) for name in ("grounding-dino-tiny", "grounding-dino-base")}
    out |= {f"model.{name}": tensor for name, tensor in published_tensors(model).items()}
    path = Path(__file__).with_suffix(".safetensors")
    save_file({name: tensor.detach().contiguous().clone() for name, tensor in out.items()}, path)
    print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
