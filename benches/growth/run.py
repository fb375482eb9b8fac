"""Growth: posts a second and memory of riveg against what a feed and its settings may grow in.

Run: run.py --riveg BINARY --world DIR --out DIR [--posts N] [--only NAME]
"""

import argparse
import functools
import json
import os
import sys
import time
from pathlib import Path

import feeds
import plots
import topics

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "peer"))
from sides import WHOLE, Running  # noqa: E402

# Posts that fill caches and batches before the clock starts.
WARM = 64


def read_arguments():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--riveg", required=True, help="the binary")
    arguments.add_argument("--world", type=Path, required=True, help="the folder of `riveg world generate`")
    arguments.add_argument("--out", type=Path, required=True, help="the folder of result.json, result.txt and growth.svg")
    arguments.add_argument("--posts", type=int, default=384, help="posts measured at each point")
    arguments.add_argument("--only", default="", help="the series with this in their names")
    return arguments.parse_args()


class Point:
    """One run: how it is told, its posts and its settings."""

    def __init__(self, label, posts, sets=()):
        self.label, self.posts, self.sets = label, posts, sets

    def measured(self, given):
        return of_lines(given, self)


class WaitingPoint(Point):
    """A run whose posts wait in a topic: all of them, once more so many times."""

    def __init__(self, label, posts, partitions, times=1):
        super().__init__(label, posts)
        self.partitions, self.times = partitions, times

    def measured(self, given):
        return of_topics(given, self)


def series(posts, cores):
    """Everything that grows, each with its points, as functions: posts are made when their turn comes."""
    one_each = lambda key, values: [Point(value, posts, [f"{key}={value}"]) for value in values]  # noqa: E731
    yield "texts in a post", lambda: [Point(each, feeds.of_joined_texts(posts, each)) for each in (1, 2, 4, 8)]
    yield "times the picture's sides", lambda: [
        Point(factor, feeds.of_larger_pictures(posts, factor)) for factor in (1, 4, 8, 16)
    ]
    yield "times the picture's sides, reduced", lambda: [
        Point(factor, feeds.of_larger_pictures(posts, factor), ["decode.reduced_side=128"]) for factor in (1, 4, 8, 16)
    ]
    yield "posts in flight", lambda: one_each("engine.posts_in_flight", (1, 4, 16, 64, 256))
    yield "posts with each picture", lambda: [Point(times, feeds.of_reposts(posts, times)) for times in (1, 2, 4, 8)]
    reposts = lambda: feeds.of_reposts(posts, 4)  # noqa: E731
    yield "cache of encodings, four posts with each picture", lambda: [
        Point(size, reposts(), [f"device.trunk_cache={size}", "decode.cache=0B"]) for size in ("0B", "4MiB", "64MiB", "512MiB")
    ]
    yield "executors", lambda: one_each("device.executors", range(1, cores + 1))
    yield "partitions", lambda: [WaitingPoint(count, posts, count) for count in (1, 3, 12, 48)]
    yield "times as many posts wait", lambda: [WaitingPoint(times, posts, 3, times) for times in (1, 4, 16, 64)]


def of_lines(given, point):
    """Posts and entities a second, processor time, and memory at its peak; start-up and the first posts are left out."""
    sets = [flag for one in point.sets for flag in ("--set", one)]
    command = [given.riveg, "--log", "warn", "annotate", "-", "--lexicon", str(given.world / "lexicon.jsonl"), *sets]
    lines = feeds.lines(point.posts)
    with open(given.out / "log", "ab") as log:
        running = Running(command, os.sched_getaffinity(0), log)
    running.feed(lines[:WARM])
    running.wait(WARM)
    before, began = running.processor_seconds()[WHOLE], time.perf_counter()
    running.feed(lines[WARM:])
    running.wait(len(lines))
    seconds = running.times[-1] - began
    processor, peak = running.processor_seconds()[WHOLE] - before, running.peak_mib()
    running.close()
    return figures(point, running.answers[WARM:], (seconds, processor, peak))


def of_topics(given, point):
    """The same of posts in a topic, as many as at every point, whatever waits behind them."""
    waiting = topics.Topics(given.broker(), point.partitions)
    lines = feeds.lines(point.posts)
    waiting.write(lines * point.times)
    answers, processor, peak = topics.run(given, waiting, point.sets, len(lines) - WARM, WARM)
    waiting.drop()
    (began, _), *answers = answers
    return figures(point, [answer for _, answer in answers], (answers[-1][0] - began, processor, peak))


def figures(point, answers, used):
    """The figures of one run from its answers, its seconds, its processor seconds and its peak memory."""
    (seconds, processor, peak), count = used, len(answers)
    answers = [json.loads(answer) for answer in answers]
    if any("entities" not in answer for answer in answers):
        raise SystemExit("a post was rejected: see the answers of this run")
    entities = sum(len(answer["entities"]) for answer in answers)
    return {
        "at": point.label, "posts/s": count / seconds, "entities/s": entities / seconds,
        "processor ms a post": 1e3 * processor / count, "peak MiB": peak,
    }


def main():
    given = read_arguments()
    given.out.mkdir(parents=True, exist_ok=True)
    # Started for the first series that needs it.
    given.broker = functools.cache(topics.broker)
    posts = feeds.loaded(given.world, WARM + given.posts)
    found, table = {}, []
    for name, points in series(posts, len(os.sched_getaffinity(0))):
        if given.only not in name:
            continue
        table.append(f"{name:<50}{'posts/s':>10}{'entities/s':>12}{'cpu ms/post':>13}{'peak MiB':>10}")
        print(table[-1], flush=True)
        found[name] = []
        for point in points():
            row = point.measured(given)
            found[name].append(row)
            table.append(f"{row['at']!s:>48}  {row['posts/s']:>10.1f}{row['entities/s']:>12.1f}"
                         f"{row['processor ms a post']:>13.1f}{row['peak MiB']:>10.0f}")
            print(table[-1], flush=True)
    (given.out / "result.json").write_text(json.dumps({"posts": given.posts, "series": found}, indent=1) + "\n")
    (given.out / "result.txt").write_text("\n".join(table) + "\n")
    plots.draw(found, given.out / "growth.svg")


if __name__ == "__main__":
    main()
