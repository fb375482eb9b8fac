"""Prints how far each network is from its original, from the lines that tests and bench wrote; fails where one is missing.

Run: python tests/parity/table.py LINES NETWORK ... (the full-size networks that should be there, besides all tiny ones)
"""

import sys
from collections import defaultdict
from pathlib import Path

TINY = ["xlm_roberta", "bert", "roberta", "distilbert", "deberta", "deberta_v2", "ofa", "sam", "sam2", "albef", "seqtr", "umt", "mqspn", "grounding_dino", "resampling", "run lengths", "JPEG", "sam of a JPEG"]
# Compared bit by bit or pixel by pixel: there is no error to tell, and nothing is learnt.
EXACT = ["resampling", "run lengths", "JPEG", "sam of a JPEG"]


def main():
    values, references = defaultdict(list), {}
    for line in Path(sys.argv[1]).read_text().splitlines():
        network, size, reference, column, value = line.split("\t")
        values[network, size, column].append(float(value))
        references[network, size] = reference
    rows = [(name, "tiny") for name in TINY] + [(name, "full") for name in sys.argv[2:]]
    missing = []
    print("| network | size | reference | parameters | max relative error | of the original by rounding | same decisions | bf16 | f16 |")
    print("|---|---|---|---:|---:|---:|---:|---:|---:|")
    for name, size in rows:
        told = {column: values[name, size, column] for column in ("parameters", "error", "rounding", "decisions", "bf16", "f16")}
        needed = ["decisions"] if name in EXACT else ["parameters", "error", "decisions"]
        missing += [f"{name} ({size}): no {column}" for column in needed if not told[column]]
        cells = {column: f"{max(told[column]):.1e}" if told[column] else "" for column in ("error", "rounding", "bf16", "f16")}
        parameters = f"{int(max(told['parameters'])):,}" if told["parameters"] else ""
        error = "none" if name in EXACT and told["decisions"] else cells["error"]
        decisions = f"{int(sum(told['decisions'])):,}" if told["decisions"] else ""
        reference = references.get((name, size), "MISSING")
        print(f"| {name} | {size} | {reference} | {parameters} | {error} | {cells['rounding']} | {decisions} | {cells['bf16']} | {cells['f16']} |")
    if missing:
        raise SystemExit("parity: nothing was compared of " + "; ".join(missing))


main()
