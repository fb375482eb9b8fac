"""Compares what a stream job got over HTTP with what `riveg annotate` answers. Usage: compare.py EXPECTED FOUND."""
import json
import pathlib
import sys


def same(found, expected, path):
    """Asserts equality except for the last digits of scores, which depend on how posts fall into batches."""
    if isinstance(expected, float) and isinstance(found, (int, float)):
        assert abs(found - expected) < 2e-4, f"{path}: {found} and {expected}"
    elif isinstance(expected, dict):
        assert isinstance(found, dict) and found.keys() == expected.keys(), path
        for name in expected.keys() - {"ingested_at", "published_at"}:
            same(found[name], expected[name], f"{path}.{name}")
    elif isinstance(expected, list):
        assert isinstance(found, list) and len(found) == len(expected), path
        for index, (one, other) in enumerate(zip(found, expected)):
            same(one, other, f"{path}[{index}]")
    else:
        assert found == expected, f"{path}: {found} and {expected}"


def main():
    expected, found = ([json.loads(line) for line in pathlib.Path(path).read_text().splitlines()] for path in sys.argv[1:])
    expected = {answer["post_id"]: answer for answer in expected}
    assert len(found) == len(expected), f"{len(found)} and {len(expected)}"
    refused = sum(answer["refused"] for answer in found)
    regions = 0
    for answer in found:
        assert answer["status"] == 200, answer
        answer = answer["answer"]
        same(answer, expected.pop(answer["post_id"]), answer["post_id"])
        regions += sum(len(entity["regions"]) for entity in answer["entities"])
    assert not expected and regions > 0 and refused > 0, (expected.keys(), regions, refused)
    print(f"{len(found)} answers are those of `riveg annotate`, with {regions} regions; {refused} times 429 was waited out")


if __name__ == "__main__":
    main()
