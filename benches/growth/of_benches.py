"""Plots of the benches of scheduler and pipeline: reads scheduler.json and pipeline.json in a folder, writes SVG beside them.

Run: of_benches.py DIR
"""

import json
import sys
from pathlib import Path

import plots
from matplotlib import pyplot


def scheduler(figures, path):
    """For each network the 99th percentile of the latency against the load, and throughput against executors."""
    networks = list(dict.fromkeys(point["network"] for point in figures["latencies"]))
    figure, rows = pyplot.subplots(len(networks), 2, figsize=(7, 2.2 * len(networks)), squeeze=False)
    for network, (latency, executors) in zip(networks, rows):
        own = [point for point in figures["latencies"] if point["network"] == network]
        for rule in dict.fromkeys(point["rule"] for point in own):
            points = [point for point in own if point["rule"] == rule and point["p99_ms"] is not None]
            latency.plot([100 * point["load"] for point in points], [point["p99_ms"] for point in points], "o-", label=rule)
        latency.set_yscale("log")
        latency.set_title(network, fontsize=9)
        plots.label(latency, "load, % of raw", "p99 ms")
        points = [point for point in figures["executors"] if point["network"] == network]
        executors.plot([point["executors"] for point in points], [point["times_one"] for point in points], "o-")
        executors.set_ylim(bottom=0)
        plots.label(executors, "executors", "times one")
    rows[0][0].legend(fontsize=7)
    plots.save(figure, path)


def pipeline(measured, path):
    """Posts a second against posts in flight, and what each stage computes beside one large product."""
    figures = measured["figures"]
    figure, (engine, stages) = pyplot.subplots(1, 2, figsize=(7, 2.6))
    points = figures["engine"]
    engine.plot([str(point["posts_in_flight"]) for point in points], [point["posts_a_second"] for point in points], "o-", label="engine")
    for name, style in (("limit", "--"), ("raw", ":")):
        engine.axhline(figures[f"{name}_posts_a_second"], linestyle=style, color="grey", label=name)
    engine.set_ylim(bottom=0)
    engine.legend(fontsize=7)
    plots.label(engine, "posts in flight", "posts/s")
    names = [stage["stage"] for stage in figures["stages"]]
    for shift, key, label in ((-0.2, "gflop_a_second", "stage"), (0.2, "product_gflop_a_second", "one product")):
        places = [place + shift for place in range(len(names))]
        stages.bar(places, [stage[key] for stage in figures["stages"]], 0.4, label=label)
    stages.set_xticks(range(len(names)), names)
    stages.legend(fontsize=7)
    plots.label(stages, measured["processor"], "GFLOP/s")
    plots.save(figure, path)


def main():
    folder = Path(sys.argv[1])
    for draw in (scheduler, pipeline):
        source = folder / f"{draw.__name__}.json"
        draw(json.loads(source.read_text()), source.with_suffix(".svg"))


if __name__ == "__main__":
    main()
