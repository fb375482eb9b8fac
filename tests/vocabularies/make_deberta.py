"""Makes deberta/tokenizer.json: the sentencepiece model of tests/checkpoints/taggers/deberta as transformers 4 saved it for
the DeBERTas of the third version that have this file alone.

Needs the packages of tests/parity/requirements-prompts.txt, after tests/checkpoints/make_taggers.py has trained the model.
Run it as `python tests/vocabularies/make_deberta.py`.
"""

from pathlib import Path

from transformers import DebertaV2TokenizerFast

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent / "checkpoints" / "taggers" / "deberta" / "spm.model"

tokenizer = DebertaV2TokenizerFast(vocab_file=str(MODEL))
# Without indentation: it is one long table.
tokenizer.backend_tokenizer.save(str(HERE / "deberta" / "tokenizer.json"), pretty=False)
