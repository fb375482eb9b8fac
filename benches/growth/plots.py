"""Plots: one small diagram for each series, posts a second and peak memory side by side."""

import matplotlib

matplotlib.use("svg")
# The same figures give the same file; text stays text, so that the file is small and can be searched.
matplotlib.rcParams.update({"svg.hashsalt": "riveg", "svg.fonttype": "none", "font.size": 9})

from matplotlib import pyplot  # noqa: E402

COLOURS = {"posts/s": "#0072B2", "peak MiB": "#D55E00"}


def draw(series, path):
    """Writes the SVG; nothing where there is nothing to draw."""
    if not series:
        return
    figure, rows = pyplot.subplots(len(series), 2, figsize=(7, 1.9 * len(series)), squeeze=False)
    for (name, points), row in zip(series.items(), rows):
        labels = [str(point["at"]) for point in points]
        for axes, (what, colour) in zip(row, COLOURS.items()):
            axes.plot(labels, [point[what] for point in points], marker="o", color=colour)
            axes.set_ylim(bottom=0)
            label(axes, name, what)
    save(figure, path)


def label(axes, across, up):
    """Names the axes and draws no frame around them."""
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.spines[["top", "right"]].set_visible(False)


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
