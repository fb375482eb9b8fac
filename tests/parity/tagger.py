"""Makes tagger.safetensors: a tiny XLM-R with a CRF, all parameters random, and what the Python originals say of it.

Needs torch 2.11.0, transformers 5.23.0, pytorch-crf 0.7.2 and safetensors. Run: python tests/parity/tagger.py
"""

from itertools import product
from pathlib import Path

import torch
from safetensors.torch import save_file
from torchcrf import CRF
from transformers import XLMRobertaConfig, XLMRobertaModel

LABELS = 17
PAD = 1

torch.manual_seed(20240601)
encoder = XLMRobertaModel(
    XLMRobertaConfig(
        vocab_size=120,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=66,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        pad_token_id=PAD,
        attn_implementation="eager",
    ),
    add_pooling_layer=False,
).eval()
linear = torch.nn.Linear(32, LABELS)
crf = CRF(LABELS, batch_first=True)
# A fresh layer norm is the identity and a fresh bias is zero: parity on those would show nothing.
with torch.no_grad():
    for name, parameter in encoder.named_parameters():
        centre = 1.0 if name.endswith("LayerNorm.weight") else 0.0
        parameter.copy_(centre + 0.3 * torch.randn_like(parameter))
    for parameter in [*linear.parameters(), *crf.parameters()]:
        parameter.copy_(0.7 * torch.randn_like(parameter))

lengths = [64, 9, 3, 30]
words = [40, 5, 1, 28]
pieces = torch.full((len(lengths), max(lengths)), PAD)
first_pieces = torch.zeros(len(words), max(words), dtype=torch.long)
tags = torch.zeros(len(words), max(words), dtype=torch.long)
for row, (length, count) in enumerate(zip(lengths, words)):
    pieces[row, 0] = 0
    pieces[row, 1 : length - 1] = torch.randint(3, 120, (length - 2,))
    pieces[row, length - 1] = 2
    first_pieces[row, :count] = 1 + torch.randperm(length - 2)[:count].sort().values
    tags[row, :count] = torch.randint(0, LABELS, (count,))
piece_mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
word_mask = torch.arange(max(words)) < torch.tensor(words)[:, None]


def marginals(emissions):
    """Posteriors as the derivative of the log of the sum over all sequences."""
    emissions = emissions.detach().clone().requires_grad_()
    mask = torch.ones(emissions.shape[:2], dtype=torch.bool)
    sum_of_all = crf._compute_normalizer(emissions.transpose(0, 1), mask.transpose(0, 1))
    return torch.autograd.grad(sum_of_all.sum(), emissions)[0]


hidden = encoder(input_ids=pieces, attention_mask=piece_mask.long()).last_hidden_state
emissions = linear(hidden.gather(1, first_pieces[:, :, None].expand(-1, -1, 32)))
likelihood = crf(emissions, tags, mask=word_mask, reduction="none")
decoded = torch.full_like(tags, -1)
posteriors = torch.zeros_like(emissions)
for row, best in enumerate(crf.decode(emissions, mask=word_mask)):
    decoded[row, : len(best)] = torch.tensor(best)
    posteriors[row, : len(best)] = marginals(emissions[row : row + 1, : len(best)])[0]

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

fixture = {
    "pieces": pieces,
    "first_pieces": first_pieces,
    "tags": tags,
    "piece_lengths": torch.tensor(lengths),
    "word_lengths": torch.tensor(words),
    "emissions": emissions,
    "likelihood": likelihood,
    "decoded": decoded,
    "posteriors": posteriors,
    "short": short,
    "enumerated": enumerated,
    "ties": ties,
    "tied_best": tied_best,
    **{f"tied.crf.{name}": parameter for name, parameter in tied.named_parameters()},
    **{f"weights.embedder.transformer_model.{name}": parameter for name, parameter in encoder.named_parameters()},
    **{f"weights.linear.{name}": parameter for name, parameter in linear.named_parameters()},
    **{f"weights.crf.{name}": parameter for name, parameter in crf.named_parameters()},
}
path = Path(__file__).with_name("tagger.safetensors")
save_file({name: tensor.detach().contiguous() for name, tensor in fixture.items()}, path)
print(path, path.stat().st_size, "bytes")
