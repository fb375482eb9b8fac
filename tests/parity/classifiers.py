"""Makes classifiers.safetensors: tiny token classifiers of several encoders, all parameters random, and what Transformers
says of them, piece by piece and word by word.

Needs torch 2.11.0, transformers 5.23.0 and safetensors. Run: python tests/parity/classifiers.py
"""

from pathlib import Path

import torch
from common import randomise
from safetensors.torch import save_file
from transformers import (
    DebertaV2Config,
    DebertaV2ForTokenClassification,
    DistilBertConfig,
    DistilBertForTokenClassification,
    RobertaConfig,
    RobertaForTokenClassification,
    TokenClassificationPipeline,
)

LABELS = 9
VOCABULARY = 50
# Pieces and words of each text, and how many of the words are its own: the others are only known of it.
LENGTHS = [62, 9, 3, 30]
WORDS = [22, 4, 1, 9]
OWN = [17, 3, 1, 6]
SIZES = {"vocab_size": VOCABULARY, "num_labels": LABELS, "attn_implementation": "eager"}
BERT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
DEBERTA = {
    # Distances from 8 on share vectors.
    "relative_attention": True, "position_buckets": 16, "max_position_embeddings": 64, "max_relative_positions": -1,
    "norm_rel_ebd": "layer_norm", "share_att_key": True, "pos_att_type": ["p2c", "c2p"], "layer_norm_eps": 1e-7,
    "position_biased_input": False, "type_vocab_size": 0, "pad_token_id": 0, **BERT, **SIZES,
}

NETWORKS = {
    "roberta": RobertaForTokenClassification(
        RobertaConfig(max_position_embeddings=66, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, **BERT, **SIZES)
    ),
    "distilbert": DistilBertForTokenClassification(
        DistilBertConfig(dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=64, pad_token_id=0, **SIZES)
    ),
    "deberta": DebertaV2ForTokenClassification(DebertaV2Config(**DEBERTA)),
    # As the largest networks of the second version.
    "deberta_v2": DebertaV2ForTokenClassification(DebertaV2Config(conv_kernel_size=3, conv_act="gelu", **DEBERTA)),
}


def inputs(generator, pad):
    """Pieces of each text between two special ones, where words begin, and a mask."""
    pieces = torch.full((len(LENGTHS), max(LENGTHS)), pad)
    first_pieces = torch.zeros(len(WORDS), max(WORDS), dtype=torch.long)
    for row, (length, count) in enumerate(zip(LENGTHS, WORDS)):
        pieces[row, :length] = torch.randint(3, VOCABULARY, (length,), generator=generator)
        chosen = 1 + torch.randperm(length - 3, generator=generator)[: count - 1].sort().values if count > 1 else []
        first_pieces[row, :count] = torch.tensor([1, *(1 + index for index in map(int, chosen))])
    return pieces, first_pieces, torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]


def words(logits, first_pieces, row, strategy):
    """The label and the score of each own word, aggregated by Transformers' own pipeline."""
    scores = logits[row].softmax(-1).numpy()
    starts = first_pieces[row, : WORDS[row]].tolist() + [LENGTHS[row] - 1]
    answers = []
    for start, end in list(zip(starts, starts[1:]))[: OWN[row]]:
        pieces = [{"word": "", "start": 0, "end": 0, "scores": scores[index]} for index in range(start, end)]
        word = PIPELINE.aggregate_word(pieces, strategy)
        answers.append((int(word["entity"]), float(word["score"])))
    return answers


class Names:
    """What the pipeline asks of a network and a tokenizer when it aggregates words."""

    config = type("Config", (), {"id2label": {label: str(label) for label in range(LABELS)}})()

    def convert_tokens_to_string(self, _):
        return ""


PIPELINE = TokenClassificationPipeline.__new__(TokenClassificationPipeline)
PIPELINE.model = PIPELINE.tokenizer = Names()


def main():
    from transformers.pipelines.token_classification import AggregationStrategy

    generator = torch.Generator().manual_seed(20241128)
    fixture = {"piece_lengths": torch.tensor(LENGTHS), "word_lengths": torch.tensor(WORDS), "own_words": torch.tensor(OWN)}
    for name, network in NETWORKS.items():
        network.eval()
        randomise(network.named_parameters(), generator, other=0.1, tables={"embeddings": 1.0}, matrices={"classifier": 4.0})
        pieces, first_pieces, mask = inputs(generator, network.config.pad_token_id)
        with torch.no_grad():
            logits = network(input_ids=pieces, attention_mask=mask.long()).logits
        out = {"pieces": pieces, "first_pieces": first_pieces, "logits": logits * mask[:, :, None]}
        decided = []
        for strategy, pooling in (("FIRST", "first"), ("AVERAGE", "mean"), ("MAX", "max")):
            answers = [words(logits, first_pieces, row, AggregationStrategy[strategy]) for row in range(len(LENGTHS))]
            out[f"{pooling}.labels"] = torch.tensor([label for row in answers for label, _ in row])
            out[f"{pooling}.scores"] = torch.tensor([score for row in answers for _, score in row])
            decided.append(out[f"{pooling}.labels"].tolist())
        assert decided[0] != decided[1] != decided[2] != decided[0], "all kinds of pooling decide alike: nothing is tested"
        out |= {f"weights.{own}": parameter.detach() for own, parameter in network.named_parameters()}
        fixture |= {f"{name}.{own}": tensor for own, tensor in out.items()}
    path = Path(__file__).with_name("classifiers.safetensors")
    save_file({name: tensor.contiguous() for name, tensor in fixture.items()}, path)
    print(path.name, path.stat().st_size, "bytes")


main()
