"""Makes one published network at full size with random weights, and keeps what the original says of one input.

Writes `NAME.weights.safetensors`, with the names that a bundle's file has, and `NAME.case.safetensors`, the input and the
answer, into the folder given. `benches/parity.rs` holds the network here against them. Not to be committed. Needs what
the script of the network's tiny fixture needs.

Run: python tests/parity/full.py FOLDER NAME
"""

import importlib
import sys
from pathlib import Path

import torch
from common import randomise
from safetensors.torch import save_file


# Of the largest number of an answer: a hundred times what networks may differ by.
LEAST = 0.01
# A deep text encoder of large matrices and biases says the same of every word; sharp attention and a weak hold of each
# layer on what goes through keep words apart, and every word in reach of the others.
KEEPS_APART = {"query": 3.0, "key": 3.0, "attention.output": 0.3}


def matters(what, answer, other):
    """Fails where what is asked hardly moves the answer: parity of such a network would show nothing."""
    moved = ((answer - other).abs().max() / answer.abs().max()).item()
    print(f"  {what} moves the answer by {moved:.1%} of its largest number", flush=True)
    assert moved > LEAST, what


def decides(decisions, least=2):
    """Fails where everything is decided alike."""
    kinds = len(set(decisions.flatten().tolist()))
    print(f"  {decisions.numel()} decisions of {kinds} kinds", flush=True)
    assert kinds >= least


def counted(*modules):
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def tagger(encoder, vocabulary, pad):
    """The encoder as transformers has it, the field as pytorch-crf has it, the names as AdaSeq saves them."""
    crf = importlib.import_module("torchcrf").CRF(17, batch_first=True)
    linear = torch.nn.Linear(1024, 17)
    generator = torch.Generator().manual_seed(20240611)
    randomise(
        encoder.named_parameters(), generator, matrix=0.7, other=0.05, tables={"embeddings": 1.0}, matrices=KEEPS_APART
    )
    randomise(linear.named_parameters(), generator, matrix=3.0)
    randomise(crf.named_parameters(), generator, tables={"": 0.5})
    pieces = torch.randint(3, vocabulary, (2, 160), generator=generator)
    pieces[1, 90:] = pad
    mask = pieces != pad
    first = torch.arange(1, 81).expand(2, -1)

    def emitted(pieces):
        hidden = encoder(input_ids=pieces, attention_mask=mask.long()).last_hidden_state
        return linear(hidden.gather(1, first[:, :, None].expand(-1, -1, 1024)))

    emissions = emitted(pieces)
    best = torch.tensor(crf.decode(emissions))
    decides(best, least=5)
    # Piece 85 is of neither text's compared words: only attention carries it to them.
    other = pieces.clone()
    other[:, 85] = 3 + (pieces[:, 85] + 7) % (vocabulary - 3)
    matters("another piece", emissions, emitted(other))
    weights = {f"embedder.transformer_model.{key}": value for key, value in encoder.named_parameters()}
    weights |= {f"linear.{key}": value for key, value in linear.named_parameters()}
    weights |= {f"crf.{key}": value for key, value in crf.named_parameters()}
    case = {"pieces": pieces, "mask": mask, "first_pieces": first, "emissions": emissions, "best": best}
    return weights, case, counted(encoder, linear, crf)


LARGE = {
    "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
    "attn_implementation": "eager",
}


def xlm_roberta_large():
    from transformers import XLMRobertaConfig, XLMRobertaModel

    config = XLMRobertaConfig(
        vocab_size=250_002, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, **LARGE
    )
    return tagger(XLMRobertaModel(config, add_pooling_layer=False).eval(), 250_002, pad=1)


def bert_large_cased():
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=28_996, max_position_embeddings=512, type_vocab_size=2, layer_norm_eps=1e-12, pad_token_id=0, **LARGE
    )
    return tagger(BertModel(config, add_pooling_layer=False).eval(), 28_996, pad=0)


def deberta_v3_base():
    """The encoder and the layer as transformers has them, on texts long enough that distances share vectors."""
    from transformers import DebertaV2Config, DebertaV2Model

    config = DebertaV2Config(
        vocab_size=128_100, hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072,
        max_position_embeddings=512, relative_attention=True, position_buckets=256, norm_rel_ebd="layer_norm",
        share_att_key=True, pos_att_type=["p2c", "c2p"], layer_norm_eps=1e-7, position_biased_input=False,
        type_vocab_size=0,
    )
    encoder, linear = DebertaV2Model(config).eval(), torch.nn.Linear(768, 17)
    generator = torch.Generator().manual_seed(20241129)
    randomise(
        encoder.named_parameters(), generator, matrix=0.7, other=0.05, tables={"embeddings": 1.0}, matrices=KEEPS_APART
    )
    randomise(linear.named_parameters(), generator, matrix=3.0)
    pieces = torch.randint(3, 128_100, (2, 400), generator=generator)
    pieces[1, 90:] = 0
    mask = pieces != 0
    first = torch.arange(1, 81).expand(2, -1)

    def emitted(pieces):
        hidden = encoder(input_ids=pieces, attention_mask=mask.long()).last_hidden_state
        return linear(hidden.gather(1, first[:, :, None].expand(-1, -1, 768)))

    emissions = emitted(pieces)
    best = emissions.argmax(-1)
    decides(best, least=5)
    # Piece 85 is of neither text's compared words: only attention carries it to them.
    other = pieces.clone()
    other[:, 85] = 3 + (pieces[:, 85] + 7) % 128_000
    matters("another piece", emissions, emitted(other))
    weights = {f"embedder.transformer_model.{key}": value for key, value in encoder.named_parameters()}
    weights |= {f"linear.{key}": value for key, value in linear.named_parameters()}
    case = {"pieces": pieces, "mask": mask, "first_pieces": first, "emissions": emissions, "best": best}
    return weights, case, counted(encoder, linear)


def ofa_large():
    """One prompt on one picture: logits of one step after another, those of an answer, and the five best boxes."""
    import ofa

    vocabulary, width, heads, layers = 59_457, 1024, 16, 12
    ofa.OFAConfig.forced_bos_token_id = None
    config = ofa.OFAConfig(
        vocab_size=vocabulary, d_model=width, encoder_layers=layers, decoder_layers=layers, encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width, encoder_attention_heads=heads, decoder_attention_heads=heads,
        resnet_type="resnet152",
    )
    config._attn_implementation = "eager"
    model = ofa.OFAModel(config).eval()
    generator = torch.Generator().manual_seed(20240612)
    # Sharp attention, or one token among a thousand is lost; strong layers, or the decoder repeats what it is told.
    ofa.random(model, generator, matrix=1.0, other=0.05, matrices={"q_proj": 2.5, "k_proj": 2.5, "fc2": 2.0, "image_proj": 0.3})
    tokens = torch.randint(4, 50_000, (1, 24), generator=generator)
    tokens[0, 0], tokens[0, -1] = 0, 2
    pixels = torch.randn((1, 3, 480, 480), generator=generator)
    prefix = torch.randint(58_457, vocabulary, (1, 4), generator=generator)
    prefix[0, 0] = 0
    encoded = model.encoder(input_ids=tokens, patch_images=pixels, patch_masks=torch.ones(1, dtype=torch.bool))
    decode = lambda ids: model(encoder_outputs=encoded, decoder_input_ids=ids, use_cache=False).logits  # noqa: E731
    # The last logits of the prompt without its end: no, yes, maybe.
    answers = decode(tokens[:, :-1])[:, -1, [117, 4420, 2085]]
    logits = decode(prefix)
    other, seen = tokens.clone(), torch.ones(1, dtype=torch.bool)
    other[0, 9] = 4 + (tokens[0, 9] + 7) % 50_000
    for what, asked, shown in (("another token", other, pixels), ("another picture", tokens, -pixels)):
        said = model(input_ids=asked, patch_images=shown, patch_masks=seen, decoder_input_ids=prefix, use_cache=False)
        matters(what, logits, said.logits)
    case = {"tokens": tokens, "pixels": pixels, "prefix": prefix, "logits": logits, "answers": answers}
    case |= ofa.beams(model, vocabulary, tokens, pixels)
    decides(case["beam.tokens"], least=3)
    return ofa.kept(model.state_dict()), case, counted(model)


def sam(hidden, layers, heads, everywhere):
    """The masks of two boxes on one picture."""
    import sam
    from transformers import SamConfig, SamMaskDecoderConfig, SamPromptEncoderConfig, SamVisionConfig

    config = SamConfig(
        vision_config=SamVisionConfig(
            hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, mlp_dim=4 * hidden,
            global_attn_indexes=everywhere,
        ).to_dict(),
        prompt_encoder_config=SamPromptEncoderConfig().to_dict(),
        mask_decoder_config=SamMaskDecoderConfig().to_dict(),
    )
    generator = torch.Generator().manual_seed(20240613)
    model = sam.random(config, generator)
    pixels = torch.randn((1, 3, 1024, 1024), generator=generator)
    boxes = torch.tensor([[100.0, 80.0, 600.5, 700.25], [0.0, 0.0, 1024.0, 768.0]])
    encoding = model.get_image_embeddings(pixels)
    decode = lambda seen: model(image_embeddings=seen, input_boxes=boxes[None], multimask_output=False)  # noqa: E731
    for _ in range(1000):
        said = decode(encoding)
        masks = said.pred_masks[0, :, 0]
        inside = (masks > 0).float().mean((1, 2))
        # Masks neither empty nor full, and no pixel of them hanging on how sums are rounded.
        if inside.min() > 0.05 and inside.max() < 0.95 and masks.abs().min() > 3e-6 * masks.abs().max():
            break
        sam.draw(model.mask_decoder, generator)
    else:
        raise SystemExit("no decoder draws masks that can be compared")
    print(f"  masks cover {inside.tolist()}", flush=True)
    matters("another picture", said.pred_masks, decode(encoding.flip(2)).pred_masks)
    matters("another box", masks[0], masks[1])
    case = {"pixels": pixels, "boxes": boxes, "encoding": encoding, "masks": said.pred_masks[0], "ious": said.iou_scores[0]}
    # The frequencies of positions are drawn once and not learnt; the authors do not count them.
    drawn = model.shared_image_embedding.positional_embedding.numel()
    return model.state_dict(), case, counted(model) - drawn


def sam2(first, **backbone):
    """The masks of two boxes on one picture. The first has widths and heads of the first stage, which double."""
    import sam2

    sizes = {
        "embed_dim_per_stage": [96, 192, 384, 768], "num_attention_heads_per_stage": [1, 2, 4, 8],
        "window_size_per_stage": [8, 4, 14, 7], "window_positional_embedding_background_size": [7, 7], **backbone,
    }
    if first:
        sizes["embed_dim_per_stage"] = [first << stage for stage in range(4)]
        sizes["num_attention_heads_per_stage"] = [2, 4, 8, 16]
    generator = torch.Generator().manual_seed(20240617)
    model = sam2.random(sam2.configured(sizes, 1024, 256, {}), generator)
    pixels = torch.randn((1, 3, 1024, 1024), generator=generator)
    boxes = torch.tensor([[100.0, 80.0, 600.5, 700.25], [0.0, 0.0, 1024.0, 768.0]])
    encoding = model.get_image_embeddings(pixels)
    decode = lambda seen: model(image_embeddings=seen, input_boxes=boxes[None], multimask_output=False)  # noqa: E731
    for _ in range(1000):
        said = decode(encoding)
        masks = said.pred_masks[0, :, 0]
        inside = (masks > 0).float().mean((1, 2))
        # Masks neither empty nor full, and no pixel of them hanging on how sums are rounded.
        if inside.min() > 0.05 and inside.max() < 0.95 and masks.abs().min() > 3e-6 * masks.abs().max():
            break
        for name, part in model.mask_decoder.named_children():
            # What the picture's finer levels went through stays as it was.
            if name not in ("conv_s0", "conv_s1"):
                sam2.draw(part, generator)
    else:
        raise SystemExit("no decoder draws masks that can be compared")
    print(f"  masks cover {inside.tolist()}", flush=True)
    turned = decode([level.flip(2) for level in encoding])
    matters("another picture", said.pred_masks, turned.pred_masks)
    matters("another box", masks[0], masks[1])
    case = {"pixels": pixels, "boxes": boxes, "masks": said.pred_masks[0], "ious": said.iou_scores[0]}
    case |= {name: level.permute(0, 2, 3, 1) for name, level in zip(("fine", "middle", "coarse"), encoding)}
    return model.state_dict(), case, counted(model)


def albef_base():
    """Four prompts of several lengths on two pictures."""
    import albef

    generator = torch.Generator().manual_seed(20240614)
    spread = {"matrix": 0.7, "other": 0.05, "matrices": KEEPS_APART | {"attn.qkv": 1.5, "cls_head": 2.0}}
    model = albef.random(albef.Sizes(), generator, **spread)
    lengths = torch.tensor([30, 12, 7, 21])
    mask = torch.arange(30) < lengths[:, None]
    tokens = torch.randint(1, 30_522, (4, 30), generator=generator).where(mask, albef.PAD)
    pixels, rows = torch.randn((2, 3, 384, 384), generator=generator), torch.tensor([0, 1, 1, 0])
    seen = model.visual_encoder(pixels)
    logits = model.logits(tokens, mask, seen[rows], typed=True)
    decides(logits.argmax(1))
    matters("another picture", logits, model.logits(tokens, mask, seen[1 - rows], typed=True))
    other = tokens.clone()
    other[:, 5] = 1 + (tokens[:, 5] + 7) % 30_521
    matters("another token", logits, model.logits(other, mask, seen[rows], typed=True))
    case = {"tokens": tokens, "mask": mask, "pixels": pixels, "rows": rows, "seen": seen, "logits": logits}
    return dict(model.named_parameters()), case, counted(model)


def seqtr(points):
    """A wide and a high picture, a phrase for each, and the likeliest token at each step."""
    import seqtr

    generator = torch.Generator().manual_seed(20240615)
    model = seqtr.SeqTr(seqtr.Sizes(points=points))
    sizes = [(640, 427), (500, 640)]
    pixels = torch.zeros(2, 3, 640, 640)
    for square, (width, height) in zip(pixels, sizes):
        patches = torch.randint(0, 200, (3, 40, 40), generator=generator).repeat_interleave(16, 1).repeat_interleave(16, 2)
        noise = torch.randint(0, 56, (3, 640, 640), generator=generator)
        square[:, :height, :width] = (patches + noise)[:, :height, :width].float()
    words = torch.randint(1, 10_344, (2, 15), generator=generator)
    words[1, 6:] = 0
    # Rectifiers that are mostly open, or fifty layers of them make a large error of every small one: the original would
    # be as far from itself in double precision. And a head that hears what it said and which step it is.
    heard = {
        "matrix": 0.5, "other": 0.05, "tables": {"seq_positional": 3.0, "query_embedding": 3.0},
        "matrices": {"self_attn.in_proj": 3.0, "in_proj": 2.0, "predictor": 2.0},
    }
    seqtr.random(model, generator, pixels, shift=2.0, head=heard)
    for _ in range(100):
        taps = model.encode(pixels, words, sizes)
        tokens, logits = model.answer(taps["memory"])
        # Both answers go on for some steps, and not with one bin for all.
        if all(len(set(row.tolist())) >= 3 and 1000 not in row[:4] for row in tokens):
            break
        randomise(model.head.named_parameters(), generator, **heard)
    else:
        raise SystemExit("no head draws answers that can be compared")
    decides(tokens, least=4)
    same_steps = lambda phrase, shown: model.logits(tokens[:, :-1], model.encode(shown, phrase, sizes)["memory"])  # noqa: E731
    matters("another phrase", logits, same_steps((words % 10_000 + 300).where(words != 0, 0), pixels))
    matters("another picture", logits, same_steps(words, 255 - pixels))
    case = {"pixels": pixels, "words": words, "sizes": torch.tensor(sizes), "tokens": tokens, "logits": logits}
    case |= {"phrase": taps["phrase"], "fused": taps["fused"], "memory": taps["memory"][0], "hidden": taps["memory"][2]}
    weights = {key: value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")}
    return weights, case, counted(model)


def umt_base():
    """Three texts of several lengths with two pictures."""
    import umt
    from torchvision.models import resnet152

    sizes = umt.Sizes()
    generator = torch.Generator().manual_seed(20240616)
    # Patches and noise: norms of a deep trunk that saw noise alone would remember hardly any deviation.
    patches = torch.randint(0, 200, (2, 3, 14, 14), generator=generator)
    patches = patches.repeat_interleave(16, 2).repeat_interleave(16, 3)
    levels = (patches + torch.randint(0, 56, patches.shape, generator=generator)).float()
    # Branches that add little to what goes around them, or fifty blocks make a large error of every small one.
    trunk = {"bn3.weight": 0.2}
    spread = {"matrix": 0.7, "other": 0.05, "tables": {"embeddings": 1.0}, "matrices": KEEPS_APART | {"resnet": 1.0}}
    model = umt.random(sizes, generator, levels, scales=trunk, **spread)
    lengths, rows = torch.tensor([40, 128, 9]), torch.tensor([0, 1, 1])
    mask = torch.arange(128) < lengths[:, None]
    pieces = torch.randint(1, 28_996, (3, 128), generator=generator).where(mask, 0)
    seen = model.see(levels)
    # The trunk is torchvision's under its own names.
    theirs = resnet152().eval()
    fitting = theirs.load_state_dict(model.resnet.state_dict(), strict=False)
    assert fitting.missing_keys == ["fc.weight", "fc.bias"] and not fitting.unexpected_keys, fitting
    theirs.avgpool, theirs.fc = torch.nn.Identity(), torch.nn.Identity()
    theirs = theirs(umt.read(levels)).unflatten(1, (2048, 49)).transpose(1, 2)
    assert (seen - theirs).abs().max() < 1e-5 * seen.abs().max(), "the trunk is not torchvision's"
    answer = lambda words, shown: umt.pooled(model.fuse(words, mask, shown[rows]), mask)  # noqa: E731
    fused, features = model.fuse(pieces, mask, seen[rows]), answer(pieces, seen)
    matters("another picture", features, answer(pieces, seen.flip(0)))
    other = pieces.clone()
    other[:, 5] = 1 + (pieces[:, 5] + 7) % 28_995
    matters("another piece", features, answer(other, seen))
    case = {"levels": levels, "pieces": pieces, "mask": mask, "rows": rows, "seen": seen}
    case |= {"fused": fused * mask[:, :, None], "features": features, "largest": features.argmax(1)}
    return umt.stored(model), case, counted(model)


def without_edges(model, pixels, pieces, generator):
    """What a Grounding DINO says where none of its proposals is a cell at the picture's edge. Such cells propose boxes at
    infinity, and all say the same; with random weights that often fits better than what the others say."""
    import grounding_dino as dino

    beyond = lambda taps: (taps["proposed"] == 1).all(1).sum().item()  # noqa: E731
    taps, inner = dino.said(model, pixels, pieces), model.model
    print(f"  {beyond(taps)} of {len(taps['proposed'])} proposals are none", flush=True)
    if beyond(taps) == 0:
        return taps
    last = model.config.encoder_layers - 1
    cells, words = taps[f"encoder.{last}.cells"], taps[f"encoder.{last}.words"]
    for _ in range(1000):
        randomise(inner.enc_output.named_parameters(), generator, matrix=1.5, other=0.05)
        fits, at_edges = (
            (inner.enc_output_norm(inner.enc_output(seen)) @ words.T).amax(-1) for seen in (cells, torch.zeros_like(cells[0]))
        )
        # Some of the cells are at edges themselves: a tenth more than there are proposals.
        if (fits > at_edges).sum() > 1.1 * model.config.num_queries:
            break
    taps = dino.said(model, pixels, pieces)
    assert beyond(taps) == 0, "no network proposes boxes that can be compared"
    return taps


def grounding_dino(name):
    """One prompt of two phrases about one picture of 600 by 800 pixels, which the published processor scales to 800 by 1066;
    alone as it has it."""
    import grounding_dino as dino
    from common import picture
    from transformers import GroundingDinoImageProcessor

    generator = torch.Generator().manual_seed(20261129)
    model = dino.random(dino.config(name), generator, full=True)
    levels = picture((600, 800), generator)
    processor = GroundingDinoImageProcessor()
    pixels = processor(levels.numpy(), return_tensors="pt", input_data_format="channels_last")["pixel_values"]
    words = torch.randint(2000, 30_000, (9,), generator=generator).tolist()
    pieces = [dino.BEGIN, *words[:5], dino.STOP, *words[5:], dino.STOP, dino.END]
    taps = without_edges(model, pixels, pieces, generator)
    other = list(pieces)
    other[3] = 2000 + (pieces[3] + 7) % 28_000
    decides(taps["logits"].argmax(1))
    matters("another word", taps["logits"], dino.said(model, pixels, other)["logits"])
    matters("another picture", taps["logits"], dino.said(model, pixels.flip(2), pieces)["logits"])
    together = dino.moved_by_company(model, pixels, [words[:5], words[5:]])
    print(f"  scores move by {together} when both phrases share a pass", flush=True)
    last = model.config.encoder_layers - 1
    weights = dino.published_tensors(model)
    exact = dino.said(model.double(), pixels.double(), pieces, taps["proposed"])
    case = {"levels": levels, "pixels": pixels, "pieces": torch.tensor(pieces)}
    case |= {"encoded.cells": taps[f"encoder.{last}.cells"], "encoded.words": taps[f"encoder.{last}.words"]}
    case |= {"order": taps["proposed.order"], "exact.logits": exact["logits"], "exact.boxes": exact["boxes"]}
    case |= {tap: taps[tap] for tap in ("cells", "words", "fits", "proposed", "logits", "boxes", "score", "best")}
    return weights, case, dino.learnt(name)


NETWORKS = {
    "xlm-roberta-large": xlm_roberta_large,
    "bert-large-cased": bert_large_cased,
    "deberta-v3-base": deberta_v3_base,
    "ofa-large": ofa_large,
    "sam-vit-b": lambda: sam(768, 12, 12, [2, 5, 8, 11]),
    "sam-vit-l": lambda: sam(1024, 24, 16, [5, 11, 17, 23]),
    "sam-vit-h": lambda: sam(1280, 32, 16, [7, 15, 23, 31]),
    "sam2.1-hiera-tiny": lambda: sam2(0, blocks_per_stage=[1, 2, 7, 2], global_attention_blocks=[5, 7, 9]),
    "sam2.1-hiera-small": lambda: sam2(0, blocks_per_stage=[1, 2, 11, 2], global_attention_blocks=[7, 10, 13]),
    "sam2.1-hiera-base-plus": lambda: sam2(
        112, blocks_per_stage=[2, 3, 16, 3], global_attention_blocks=[12, 16, 20],
        window_positional_embedding_background_size=[14, 14],
    ),
    "sam2.1-hiera-large": lambda: sam2(
        144, blocks_per_stage=[2, 6, 36, 4], global_attention_blocks=[23, 33, 43], window_size_per_stage=[8, 4, 16, 8]
    ),
    "albef-base": albef_base,
    "seqtr-refcoco": lambda: seqtr(0),
    "seqtr-refcoco-contour": lambda: seqtr(18),
    "umt-base-resnet152": umt_base,
    "grounding-dino-tiny": lambda: grounding_dino("grounding-dino-tiny"),
    "grounding-dino-base": lambda: grounding_dino("grounding-dino-base"),
}


def main():
    folder, name = Path(sys.argv[1]), sys.argv[2]
    folder.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        weights, case, parameters = NETWORKS[name]()
    case["parameters"] = torch.tensor([parameters])
    for part, tensors in (("weights", weights), ("case", case)):
        own = {key: tensor.detach().contiguous().clone() for key, tensor in tensors.items()}
        save_file(own, folder / f"{name}.{part}.safetensors")
    print(f"{name}: {parameters:,} parameters in the original", flush=True)


if __name__ == "__main__":
    main()
