"""Makes files/ofa-task-*.pt: one OFA in fairseq's files of three ages, each of which says what it was trained for.

`args` is how fairseq wrote its settings first, an object of argparse; `cfg` are dictionaries, and for a while they were
omegaconf's containers. Needs torch 2.11.0 and omegaconf 2.4.0. Run it after make.py, which empties the folder:
`python tests/checkpoints/make_tasks.py`
"""

import argparse
import enum
import sys
import types
from pathlib import Path

import torch
from omegaconf import OmegaConf

FILES = Path(__file__).with_name("files")


class Backend(enum.Enum):
    """A choice among fairseq's settings, which make.py put there."""

    NO_C10D = "no_c10d"


def main():
    constants = types.ModuleType("fairseq.dataclass.constants")
    constants.Backend = Backend
    for name in ("fairseq", "fairseq.dataclass", constants.__name__):
        sys.modules[name] = constants
    model = torch.load(FILES / "ofa-fairseq.pt", weights_only=False)["model"]
    grounding = argparse.Namespace(
        task="refcoco", arch="ofa_large", selected_cols="0,4,2,3", patch_image_size=48, num_bins=20, lr=[3e-5],
    )
    entailment = {"_name": "snli_ve", "selected_cols": "0,2,3,4,5", "patch_image_size": 48, "num_bins": 20}
    torch.save({"args": grounding, "cfg": None, "model": model}, FILES / "ofa-task-args.pt")
    # Beside the task's own settings, those of the model are what the command line said of everything.
    whole = {"_name": None, "task": entailment, "model": argparse.Namespace(task="snli_ve", arch="ofa_large")}
    torch.save({"args": None, "cfg": whole, "model": model}, FILES / "ofa-task-cfg.pt")
    contained = OmegaConf.create({"common": {"seed": 7}, "task": entailment})
    torch.save({"args": None, "cfg": contained, "model": model}, FILES / "ofa-task-omegaconf.pt")


main()
