"""Run: the same posts through riveg and the peer in turns, and a table of speed and scores of both.

Run: run.py --riveg BINARY --bundle DIR --world DIR --out DIR [--posts N] [--rounds N] [--cores 1 2]
"""

import argparse
import json
import os
import platform
import subprocess
import time
from pathlib import Path

import scores
from sides import settings
from table import table


def read_arguments():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--riveg", required=True, help="the binary")
    arguments.add_argument("--bundle", type=Path, required=True)
    arguments.add_argument("--world", type=Path, required=True, help="the folder of `riveg world generate`")
    arguments.add_argument("--out", type=Path, required=True, help="the folder of answers, scores and result.json")
    arguments.add_argument("--posts", type=int, default=768, help="posts measured in each run")
    arguments.add_argument("--one", type=int, default=192, help="posts measured where they go one by one")
    arguments.add_argument("--window", type=int, default=64, help="posts that the peer batches together; so many warm a run up")
    arguments.add_argument("--batch", type=int, default=8, help="the peer's questions in a batch")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    arguments.add_argument("--only", default="", help="settings with this in their names, beside riveg's")
    arguments.add_argument("--set", action="append", default=[], help="a setting of riveg, KEY=VALUE")
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    given.lexicon, given.log = given.world / "lexicon.jsonl", given.out / "log"
    return given


def machine():
    """What the figures hang on."""
    info = Path("/proc/cpuinfo").read_text()
    of = lambda key: next((line.split(":", 1)[1].strip() for line in info.splitlines() if line.startswith(key)), "")  # noqa: E731
    wanted = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True).stdout.strip()
    import torch
    import transformers

    return {
        "processor": of("model name"), "cores": len(os.sched_getaffinity(0)),
        "instructions": [flag for flag in wanted if flag in of("flags").split()],
        "memory GiB": round(int(memory.split()[1]) / 2**20, 1), "system": platform.platform(),
        "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__,
        "environment": {key: value for key, value in os.environ.items() if key.startswith(("OMP_", "GOMP_", "MKL_"))},
        "commit": commit, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def measure(given):
    """All settings in turns, so many rounds; the answers of the first round are kept for scores."""
    chosen = [one for one in settings(given.cores) if one.side == "riveg" or given.only in one.name]
    lines = (given.world / "feed.jsonl").read_bytes().splitlines(keepends=True)
    if len(lines) < given.window + given.posts:
        raise SystemExit(f"{given.world} has {len(lines)} posts, and {given.window + given.posts} are needed")
    warm = lines[: given.window]
    measured = {(one.name, one.cores): [] for one in chosen}
    files = {}
    for number in range(given.rounds):
        for one in chosen:
            count = given.one if one.mode == "one" else given.posts
            figures, answers = one.run(given, warm, lines[given.window : given.window + count])
            measured[one.name, one.cores].append(figures)
            if number == 0:
                files[one.name, one.cores] = path = given.out / f"{one.name.replace(', ', '-').replace(' ', '-')}-{one.cores}.jsonl"
                path.write_bytes(b"".join(answers))
            print(f"round {number + 1}  {one.name}, {one.cores} cores: {figures['posts/s']:.3g} posts/s, "
                  f"{figures['processor ms a post']:.3g} ms of processor a post, load {figures['load before']:.1f}", flush=True)
    return chosen, measured, files


def ratios(chosen, measured, figure, better):
    """By number of cores: the best of riveg's settings against the best of the peer's, round by round."""
    found = {}
    for cores in sorted({one.cores for one in chosen}):
        of = lambda side: [measured[one.name, one.cores] for one in chosen if (one.side, one.cores) == (side, cores)]  # noqa: E731
        pick = max if better == "more" else min
        best = lambda side: [pick(run[figure] for run in turn) for turn in zip(*of(side))]  # noqa: E731
        pairs = zip(best("riveg"), best("peer"))
        default = [run[figure] for run in of("riveg")[0]]
        way = (lambda mine, theirs: mine / theirs) if better == "more" else (lambda mine, theirs: theirs / mine)
        found[cores] = {
            "riveg's best / peer's best": [way(mine, theirs) for mine, theirs in pairs],
            "riveg by default / peer's best": [way(mine, theirs) for mine, theirs in zip(default, best("peer"))],
        }
    return found


def all_scores(given, files):
    """Each side against gold and against riveg's first answers, and riveg's own evaluation of each file."""
    gold = [json.loads(line) for line in (given.world / "gold.jsonl").read_text().splitlines()]
    first = scores.answers(next(iter(files.values())))
    found = {}
    for (name, cores), path in files.items():
        own = scores.answers(path)
        judged = [post for post in gold if post["id"] in own]
        result = given.out / "eval.json"
        command = [given.riveg, "--log", "error", "eval", "--data", str(given.world), "--predictions", str(path)]
        command += ["--posts", str(len(judged)), "--json", str(result)]
        subprocess.run(command, check=True, capture_output=True)
        evaluated = json.loads(result.read_text())["scores"]
        found[f"{name}, {cores} cores"] = {
            "against gold": scores.against_gold(judged, own), "as riveg's first": scores.agreement(first, own), "riveg eval": evaluated,
        }
    return found


def main():
    given = read_arguments()
    chosen, measured, files = measure(given)
    about = machine()
    result = {
        "machine": about, "bundle": str(given.bundle), "rounds": given.rounds, "window": given.window, "batch": given.batch,
        "settings": {f"{name}, {cores} cores": runs for (name, cores), runs in measured.items()},
        "ratios of posts/s": ratios(chosen, measured, "posts/s", "more"),
        "ratios of processor time a post": ratios(chosen, measured, "processor ms a post", "less"),
        "scores": all_scores(given, files),
    }
    (given.out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    text = table(result)
    (given.out / "result.txt").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
