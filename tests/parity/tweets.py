"""Makes tweets.json: tweets, and the words of each as BERTweet's own tokenizer normalises them before it cuts them into pieces.

Needs the packages of tests/parity/requirements-prompts.txt; emoji 0.6.0 names emoji as BERTweet was trained. Run it as `python
tests/parity/tweets.py`.
"""

import json
import tempfile
from pathlib import Path

from transformers import BertweetTokenizer

HERE = Path(__file__).resolve().parent

BEGINNINGS = [
    "I don't think {name} can't win this", "we're at {name} and it's packed", "she'd never say that about {name}, he's a liar",
    "you've seen {name} before, haven't you guys", "I'm so ready for {name} tonight", "they'll play {name} again but won't lose",
    "{name} ain't what it used to be", "cannot wait for {name} tomorrow", "the crowd’s loud at {name} and didn’t leave", "y'all should've seen {name} live",
    "that's {name} if I couldn't tell", "who'd have thought {name} isn't open today",
]
NAMES = ["Central Park", "@kim_x", "Beyoncé", "the O'Neal brothers", "Rock 'n' Roll Hall", "https://t.co/aB1xY9"]
ENDS = ["", " 🔥 wow", " … right", " https://t.co/aB1xY9", " @nasa", " at night"]


def main():
    with tempfile.TemporaryDirectory() as folder:
        # Words are normalised before any vocabulary is asked.
        words, codes = Path(folder) / "vocab.txt", Path(folder) / "bpe.codes"
        words.write_text("the 1\n"), codes.write_text("t h 1\n")
        tokenizer = BertweetTokenizer(str(words), str(codes), normalization=True)
    assert tokenizer.demojizer is not None
    cases = []
    for number, beginning in enumerate(BEGINNINGS):
        for shift, name in enumerate(NAMES):
            text = beginning.format(name=name) + ENDS[(number + shift) % len(ENDS)]
            cases.append({"text": text, "words": tokenizer.normalizeTweet(text).split()})
    text = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    (HERE / "tweets.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
