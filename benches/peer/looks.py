"""Looks: whether and where a picture shows a phrase, by ModelScope's OFA and its own generator."""

import sys
from pathlib import Path

import torch
from bundle import load_strictly
from pictures import squashed
from words import Questions

# The tiny network of the parity tests has the published blocks in any size.
sys.path.append(str(Path(__file__).resolve().parents[2] / "tests/parity"))
from ofa import Dictionary, NarrowResNet, OFAConfig, OFAModel, SequenceGenerator  # noqa: E402

# What a bundle's file leaves out: copies, tables that are computed, and what only draws pictures.
LEFT_OUT = (
    "decoder.embed_tokens", "decoder.output_projection", "_rp_bucket", "_idx", "num_batches_tracked",
    "decoder.image_", "decoder.embed_image", "decoder.code_",
)
PAD = 1


def network(size):
    """An OFA of these dimensions, with weights yet to be loaded."""
    OFAConfig.forced_bos_token_id = None
    config = OFAConfig(
        vocab_size=size["vocabulary"], d_model=size["d_model"], encoder_layers=size["encoder_layers"],
        decoder_layers=size["decoder_layers"], encoder_ffn_dim=size["ffn"], decoder_ffn_dim=size["ffn"],
        encoder_attention_heads=size["heads"], decoder_attention_heads=size["heads"], resnet_type="resnet18",
        token_bucket_size=size["token_bucket"], image_bucket_size=size["image_bucket"],
        max_position_embeddings=size["max_positions"],
    )
    config._attn_implementation = "eager"
    model = OFAModel(config)
    model.encoder.embed_images = NarrowResNet(size["resnet_layers"], size["resnet_width"])
    model.encoder.image_proj = torch.nn.Linear(16 * size["resnet_width"], size["d_model"])
    return model


class Ofa:
    """One network; it reads what its trunk makes of a picture, so that a picture goes through the trunk once."""

    def __init__(self, bundle, stage):
        part = bundle.part(stage)
        self.size = size = part["network"]
        if size["architecture"] != "ofa":
            raise ValueError(f"the peer has OFA alone, not {size['architecture']}")
        self.model = load_strictly(network(size), bundle.weights(stage), LEFT_OUT)
        # Without weights of their own: the table that turns states into tokens is the embedding's.
        self.model.decoder.output_projection.weight = self.model.encoder.embed_tokens.weight
        self.trunk, self.model.encoder.embed_images = self.model.encoder.embed_images, torch.nn.Identity()
        first = size["first_bin"]
        # Only places, chosen after the softmax over all tokens.
        self.search = SequenceGenerator(
            Dictionary(size["vocabulary"]), beam_size=bundle.part("ground")["beam"], max_len_b=4, min_len=4,
            no_repeat_ngram_size=3, normalize_scores=True, constraint_range=f"{first},{first + size['bins']}", zero_shot=True,
        )

    def features(self, pictures):
        """What the trunk makes of pictures, `[B, C, h, w]`."""
        pixels = torch.stack([squashed(picture, self.size["patch_image_size"]) for picture in pictures])
        return self.trunk(pixels)

    def shown(self, features, questions):
        """How probable it is that each picture shows what is asked: yes or maybe."""
        tokens, lengths = padded(questions)
        # The answer takes the place of the question's end.
        said = self.model(
            input_ids=tokens, patch_images=features, patch_masks=seen(tokens), decoder_input_ids=tokens[:, :-1], use_cache=False
        ).logits
        answers = said[torch.arange(len(tokens)), lengths - 2][:, self.size["answers"]].softmax(1)
        return answers[:, 1:].sum(1).tolist()

    def boxes(self, features, questions):
        """The likeliest box of each question, in fractions of the picture, and its likelihood."""
        tokens, _ = padded(questions)
        asked = {"input_ids": tokens, "patch_images": features, "patch_masks": seen(tokens)}
        found = []
        for beam in self.search.generate([self.model], {"net_input": asked}):
            tokens, scores = beam[0]["tokens"][:4], beam[0]["positional_scores"][:4]
            places = (tokens - self.size["first_bin"]).double() / (self.size["bins"] - 1)
            left, top, right, bottom = places.clamp(0, 1).tolist()
            box = [min(left, right), min(top, bottom), max(left, right), max(top, bottom)]
            found.append((box, scores.mean().exp().item()))
        return found


def questions_of(bundle, stage):
    part = bundle.part(stage)
    return Questions(bundle.file(stage, "tokenizer"), part["prompt"], part["network"]["max_positions"])


def padded(questions):
    lengths = torch.tensor([len(question) for question in questions])
    tokens = torch.full((len(questions), int(lengths.max())), PAD)
    for row, question in zip(tokens, questions):
        row[: len(question)] = torch.tensor(question)
    return tokens, lengths


def seen(tokens):
    return torch.ones(len(tokens), dtype=torch.bool)
