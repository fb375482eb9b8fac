"""What the scripts of this folder share: files of a package without the package, random parameters, pictures."""

import importlib.util
import math
import sys
import types
from pathlib import Path

import torch


def stub(name, path=None, **names):
    """Puts a module in the place of one that is not wanted, or cannot be had."""
    module = types.ModuleType(name)
    module.__dict__.update(names)
    if path is not None:
        module.__path__ = [str(path)]
    sys.modules[name] = module


def import_from(package, *inner):
    """Lets files of a package be imported without the start of it and of `inner`, which want everything there is."""
    root = Path(importlib.util.find_spec(package).submodule_search_locations[0])
    for name in (package, *inner):
        stub(name, root.joinpath(*name.split(".")[1:]))


def randomise(named, generator, matrix=1.0, gain=0.3, other=0.5, tables=None, matrices=None):
    """No parameter keeps what it was initialised to: a table of zeros or a gain of one would hide a mistake.

    `named` has parameters, and buffers where they count, with their names; what is drawn hangs on their order. Gains
    are drawn around one, variances around one and above zero, the rest around zero: matrices so that their outputs
    deviate by `matrix` where their inputs deviate by one (some by `matrices`, a part of the name: deviation), `tables` (the
    same) and `other` as told.
    """
    tables, matrices = tables or {}, matrices or {}
    of = lambda parts, name: next((deviation for part, deviation in parts.items() if part in name), None)  # noqa: E731
    with torch.no_grad():
        for name, tensor in named:
            if not tensor.is_floating_point():
                continue
            draw = torch.randn(tensor.shape, generator=generator)
            table, own = of(tables, name), of(matrices, name)
            if name.endswith("running_var"):
                tensor.copy_((0.3 * draw).exp())
            elif name.endswith("c_attn") or (tensor.dim() == 1 and name.endswith("weight")):
                tensor.copy_(1.0 + gain * draw)
            elif table is not None and tensor.dim() > 1:
                tensor.copy_(table * draw)
            elif tensor.dim() > 1:
                tensor.copy_((matrix if own is None else own) * draw / math.sqrt(tensor[0].numel()))
            else:
                tensor.copy_(other * draw)


def with_buffers(model):
    return list(model.named_parameters()) + list(model.named_buffers())


def picture(size, generator):
    """Soft blobs with some noise: neither flat nor white noise."""
    coarse = torch.rand((1, 3, 5, 5), generator=generator)
    soft = torch.nn.functional.interpolate(coarse, size=size, mode="bicubic")
    noisy = soft[0] * 255 + 12 * torch.randn((3, *size), generator=generator)
    return noisy.clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous()
