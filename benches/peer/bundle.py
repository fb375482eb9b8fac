"""Bundle: the manifest of a bundle of riveg, its weights in single precision, and its lexicon."""

import json
import tomllib
from pathlib import Path

from safetensors.torch import load_file


class Bundle:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.manifest = tomllib.loads((self.folder / "bundle.toml").read_text())

    def part(self, stage):
        return self.manifest[stage]

    def weights(self, stage):
        return {name: tensor.float() for name, tensor in load_file(self.file(stage, "weights")).items()}

    def file(self, stage, kind):
        return self.folder / self.part(stage)[kind]["file"]

    def share(self, one, other):
        """Whether two stages are one network."""
        return all(self.part(one)[key] == self.part(other)[key] for key in ("network", "weights", "tokenizer"))

    def phrase(self, text, entity_type, expansion):
        """What is looked for in the picture."""
        form = self.manifest["phrase"]["name_only" if expansion is None else "expanded"]
        return form.format(entity=text, type=entity_type, expansion=expansion)


class Lexicon:
    """What a picture of a named entity shows, by name and type; the last line of a name counts."""

    def __init__(self, path):
        self.exact, self.normalised = {}, {}
        for line in Path(path).read_text().splitlines():
            entry = json.loads(line)
            self.exact[entry["surface"], entry["type"]] = entry["expansion"].strip()
            self.normalised[normalised(entry["surface"]), entry["type"]] = entry["expansion"].strip()

    def get(self, surface, entity_type):
        found = self.exact.get((surface, entity_type))
        return found if found is not None else self.normalised.get((normalised(surface), entity_type))


def normalised(surface):
    return " ".join(word.upper().lower() for word in surface.split())


def load_strictly(module, weights, left_out=()):
    """Every tensor of the file has a place, and every parameter a tensor, but for `left_out`."""
    found = module.load_state_dict(weights, strict=False)
    missing = [name for name in found.missing_keys if not any(part in name for part in left_out)]
    if missing or found.unexpected_keys:
        raise ValueError(f"weights do not fit: missing {missing}, unexpected {found.unexpected_keys}")
    return module.eval()
