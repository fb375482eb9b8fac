"""Makes tagger.safetensors: a tiny XLM-R and a tiny BERT, each with a CRF, all parameters random, and what the Python
originals say of them.

Needs torch 2.11.0, transformers 5.23.0, pytorch-crf 0.7.2 and safetensors. Run: python tests/parity/tagger.py
"""

from itertools import product
from pathlib import Path

import torch
from common import randomise
from safetensors.torch import save_file
from torchcrf import CRF
from transformers import BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel

LABELS = 17
# Pieces and words of each text, and how many of the words are the text's own: the others are only known of it.
LENGTHS = [64, 9, 3, 30]
WORDS = [40, 5, 1, 28]
OWN = [31, 3, 1, 6]
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "attn_implementation": "eager",
}

torch.manual_seed(20240601)


def marginals(crf, emissions):
    """Posteriors as the derivative of the log of the sum over all sequences."""
    emissions = emissions.detach().clone().requires_grad_()
    mask = torch.ones(emissions.shape[:2], dtype=torch.bool)
    sum_of_all = crf._compute_normalizer(emissions.transpose(0, 1), mask.transpose(0, 1))
    return torch.autograd.grad(sum_of_all.sum(), emissions)[0]


def mask_of(lengths):
    return torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]


def tagger(encoder, vocabulary, begin, end, pad):
    """A linear layer and a CRF on an encoder, and all that they say of texts of several lengths."""
    linear = torch.nn.Linear(32, LABELS)
    crf = CRF(LABELS, batch_first=True)
    for module, deviation in ((encoder, 0.3), (linear, 0.4), (crf, 1.2)):
        randomise(module.named_parameters(), None, other=deviation, tables={"": deviation})

    pieces = torch.full((len(LENGTHS), max(LENGTHS)), pad)
    first_pieces = torch.zeros(len(WORDS), max(WORDS), dtype=torch.long)
    tags = torch.zeros(len(WORDS), max(WORDS), dtype=torch.long)
    for row, (length, count) in enumerate(zip(LENGTHS, WORDS)):
        pieces[row, 0] = begin
        pieces[row, 1 : length - 1] = torch.randint(3, vocabulary, (length - 2,))
        pieces[row, length - 1] = end
        first_pieces[row, :count] = 1 + torch.randperm(length - 2)[:count].sort().values
        tags[row, :count] = torch.randint(0, LABELS, (count,))

    hidden = encoder(input_ids=pieces, attention_mask=mask_of(LENGTHS).long()).last_hidden_state
    emissions = linear(hidden.gather(1, first_pieces[:, :, None].expand(-1, -1, 32)))
    out = {
        "pieces": pieces,
        "first_pieces": first_pieces,
        "tags": tags,
        "emissions": emissions,
        "likelihood": crf(emissions, tags, mask=mask_of(WORDS), reduction="none"),
    }
    # The field over all words, and over the text's own alone.
    for scope, counts in (("whole", WORDS), ("tweet", OWN)):
        decoded = torch.full_like(tags, -1)
        posteriors = torch.zeros_like(emissions)
        mask = torch.arange(max(WORDS)) < torch.tensor(counts)[:, None]
        for row, best in enumerate(crf.decode(emissions, mask=mask)):
            decoded[row, : len(best)] = torch.tensor(best)
            posteriors[row, : len(best)] = marginals(crf, emissions[row : row + 1, : len(best)])[0]
        out |= {f"{scope}.decoded": decoded, f"{scope}.posteriors": posteriors}
    own = mask_of(OWN)
    if (out["whole.decoded"][:, : max(OWN)] == out["tweet.decoded"][:, : max(OWN)])[own].all():
        raise SystemExit("both scopes of the field decide alike: nothing is tested")
    parts = {"embedder.transformer_model": encoder, "linear": linear, "crf": crf}
    weights = {
        f"weights.{part}.{name}": parameter
        for part, module in parts.items()
        for name, parameter in module.named_parameters()
    }
    return crf, out | weights


xlm_roberta = XLMRobertaModel(
    XLMRobertaConfig(
        vocab_size=120, max_position_embeddings=66, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1, **SIZES,
    ),
    add_pooling_layer=False,
).eval()
crf, fixture = tagger(xlm_roberta, vocabulary=120, begin=0, end=2, pad=1)
fixture = {f"xlm_roberta.{name}": tensor for name, tensor in fixture.items()}
bert = BertModel(
    BertConfig(
        vocab_size=90, max_position_embeddings=70, type_vocab_size=2, layer_norm_eps=1e-12, pad_token_id=0, **SIZES,
    ),
    add_pooling_layer=False,
).eval()
_, bert_fixture = tagger(bert, vocabulary=90, begin=1, end=2, pad=0)
fixture |= {f"bert.{name}": tensor for name, tensor in bert_fixture.items()}

# Three words, every one of 17^3 sequences scored for itself: what neither forward-backward nor a derivative did.
short = 0.8 * torch.randn(1, 3, LABELS)
sequences = torch.tensor(list(product(range(LABELS), repeat=3)))
scores = crf(short.expand(len(sequences), -1, -1), sequences, reduction="none").exp()
enumerated = torch.zeros(3, LABELS)
for word in range(3):
    enumerated[word].index_add_(0, sequences[:, word], scores)

# Whole numbers, so that many sequences are equally good and the choice among them shows.
ties = torch.randint(0, 2, (6, 8, LABELS)).float()
with torch.no_grad():
    tied = CRF(LABELS, batch_first=True)
    for parameter in tied.parameters():
        parameter.copy_(torch.randint(0, 2, parameter.shape).float())
tied_best = torch.tensor(tied.decode(ties))

fixture |= {
    "piece_lengths": torch.tensor(LENGTHS),
    "word_lengths": torch.tensor(WORDS),
    "own_words": torch.tensor(OWN),
    "short": short,
    "enumerated": enumerated,
    "ties": ties,
    "tied_best": tied_best,
    **{f"tied.crf.{name}": parameter for name, parameter in tied.named_parameters()},
}
path = Path(__file__).with_name("tagger.safetensors")
save_file({name: tensor.detach().contiguous() for name, tensor in fixture.items()}, path)
print(path.name, path.stat().st_size, "bytes")
