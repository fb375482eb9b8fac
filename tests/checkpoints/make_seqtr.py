"""Makes files/seqtr*: a tiny checkpoint of SeqTR as its authors' training saves it, the words of its training, and what
the network says.

`seqtr.pth` is what their `save_checkpoint` writes: the last step's `state_dict`, the averages of all steps as
`ema_state_dict`, states of optimizer and schedule, numbers of the epoch. `token_to_ix.pkl` and `ix_to_token.pkl` are the
words as they pickle them. `seqtr-answers.safetensors` has the `pixels` of a picture, the ids of a phrase as their
loader makes them, and the tokens and logits of the averages. The network is that of tests/parity/seqtr.py.

Run it after make.py, which empties the folder: `python make_seqtr.py`
"""

import pickle
import re
import sys
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "parity"))
import seqtr  # noqa: E402

FILES = Path(__file__).with_name("files")
WORDS = ["PAD", "UNK", "CLS", "park", "loc", "a", "conservatory", "in", "chicago", "café", "tshirt"]
PHRASE = "Garfield Park(LOC)-a conservatory in Chicago's west/end"
SIZES = replace(
    seqtr.TINY, vocabulary=len(WORDS), word_width=4, max_words=6, side=64, width=1, blocks=(1, 1, 1, 1, 1), d_model=8,
    ffn=12, heads=2, groups=2, encoder_layers=1, decoder_layers=1, bins=20,
)


def ids(phrase, known):
    """What the loader of training makes of a phrase."""
    cleaned = re.sub(r"[.,'!?\"()*#:;]", "", phrase.lower()).replace("-", " ").replace("/", " ")
    found = [known.get(word, known["UNK"]) for word in cleaned.split()][: SIZES.max_words]
    return torch.tensor([found + [0] * (SIZES.max_words - len(found))])


def main():
    known = {word: at for at, word in enumerate(WORDS)}
    for name, words in (("token_to_ix", known), ("ix_to_token", {at: word for word, at in known.items()})):
        (FILES / f"{name}.pkl").write_bytes(pickle.dumps(words, protocol=pickle.HIGHEST_PROTOCOL))

    for seed in range(1000):
        generator = torch.Generator().manual_seed(seed)
        pixels = torch.randint(0, 256, (1, 3, SIZES.side, SIZES.side), generator=generator).float()
        model = seqtr.SeqTr(SIZES)
        seqtr.random(model, generator, pixels.repeat(2, 1, 1, 1))
        averages = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        with torch.no_grad():
            taps = model.encode(pixels, ids(PHRASE, known), [(SIZES.side, SIZES.side)])
            tokens, logits = model.answer(taps["memory"])
        if len(set(tokens[0].tolist())) == 4 and seqtr.margins(logits[..., :-1]) > 1e-2:
            break
    else:
        raise SystemExit("no seed gives a box that tells")
    # The last step is not the averages: whoever takes it answers something else.
    last = {name: 0.5 * tensor if tensor.is_floating_point() else tensor for name, tensor in averages.items()}
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4, amsgrad=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1.0)
    torch.save(
        {
            "epoch": 59, "d_acc": 81.2, "miou": 0.0, "best_d_acc": 81.2, "best_miou": 0.0, "state_dict": last,
            "optimizer": optimizer.state_dict(), "scheduler": schedule.state_dict(), "lr": 5e-4,
            "ema_state_dict": averages,
        },
        FILES / "seqtr.pth",
    )
    out = {"pixels": pixels, "words": ids(PHRASE, known), "tokens": tokens, "logits": logits.contiguous()}
    save_file(out, FILES / "seqtr-answers.safetensors")
    print(f"seed {seed}: {(FILES / 'seqtr.pth').stat().st_size} bytes, tokens {tokens.tolist()}, {out['words'].tolist()}")


main()
