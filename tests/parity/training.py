"""Makes training.safetensors: a tiny BERT with a CRF, its gradients on a batch, and its weights after two steps of AdamW.

Needs torch 2.11.0, transformers 5.23.0, pytorch-crf 0.7.2 and safetensors. Run: python tests/parity/training.py
"""

from pathlib import Path

import torch
from common import randomise
from safetensors.torch import save_file
from torchcrf import CRF
from transformers import BertConfig, BertModel

LABELS, PAD, BEGIN, END = 5, 0, 1, 2
# Pieces and words of each text.
LENGTHS = [12, 7, 5, 9, 4]
WORDS = [8, 5, 1, 6, 2]
STEPS = 2
# Rates of the encoder, the linear layer and the CRF; the decay is that of matrices outside the CRF.
RATES = {"encoder": 1e-3, "linear": 5e-3, "crf": 2e-2}
DECAY, MAX_NORM = 0.01, 1.0

torch.manual_seed(20261129)

encoder = BertModel(
    BertConfig(
        vocab_size=40, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=24, type_vocab_size=2, layer_norm_eps=1e-12, pad_token_id=PAD,
        attn_implementation="eager",
    ),
    add_pooling_layer=False,
).eval()
linear = torch.nn.Linear(16, LABELS)
crf = CRF(LABELS, batch_first=True)
for module, deviation in ((encoder, 0.3), (linear, 0.4), (crf, 0.8)):
    randomise(module.named_parameters(), None, other=deviation, tables={"": deviation})
parts = {"embedder.transformer_model": encoder, "linear": linear, "crf": crf}
named = {f"{part}.{name}": value for part, module in parts.items() for name, value in module.named_parameters()}

pieces = torch.full((len(LENGTHS), max(LENGTHS)), PAD)
first_pieces = torch.zeros(len(WORDS), max(WORDS), dtype=torch.long)
labels = torch.zeros(len(WORDS), max(WORDS), dtype=torch.long)
for row, (length, count) in enumerate(zip(LENGTHS, WORDS)):
    pieces[row, 0] = BEGIN
    pieces[row, 1 : length - 1] = torch.randint(3, 40, (length - 2,))
    pieces[row, length - 1] = END
    first_pieces[row, :count] = 1 + torch.randperm(length - 2)[:count].sort().values
    labels[row, :count] = torch.randint(0, LABELS, (count,))
mask_of = lambda lengths: torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]  # noqa: E731


def loss():
    hidden = encoder(input_ids=pieces, attention_mask=mask_of(LENGTHS).long()).last_hidden_state
    emissions = linear(hidden.gather(1, first_pieces[:, :, None].expand(-1, -1, 16)))
    return -crf(emissions, labels, mask=mask_of(WORDS), reduction="mean")


def rate_of(name):
    return RATES.get(name.split(".")[0], RATES["encoder"])


fixture = {
    "piece_lengths": torch.tensor(LENGTHS), "word_lengths": torch.tensor(WORDS),
    "pieces": pieces, "first_pieces": first_pieces, "labels": labels,
    **{f"before.{name}": value.detach().clone() for name, value in named.items()},
}
optimiser = torch.optim.AdamW(
    [
        {
            "params": [value],
            "lr": rate_of(name),
            "weight_decay": DECAY if value.dim() > 1 and not name.startswith("crf.") else 0.0,
        }
        for name, value in named.items()
    ],
)
losses, norms = [], []
for step in range(STEPS):
    optimiser.zero_grad()
    value = loss()
    value.backward()
    if step == 0:
        fixture |= {f"gradient.{name}": value.grad.clone() for name, value in named.items()}
    losses.append(value.item())
    norms.append(torch.nn.utils.clip_grad_norm_(named.values(), MAX_NORM).item())
    optimiser.step()
fixture |= {f"after.{name}": value.detach().clone() for name, value in named.items()}
fixture |= {"losses": torch.tensor(losses), "norms": torch.tensor(norms)}
if min(norms) <= MAX_NORM:
    raise SystemExit("no gradient is clipped: that is not tested")
path = Path(__file__).with_name("training.safetensors")
save_file({name: tensor.detach().contiguous() for name, tensor in fixture.items()}, path)
print(path.name, path.stat().st_size, "bytes", "losses", losses, "norms", norms)
