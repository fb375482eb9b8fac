"""Table: the result of a run as text. Run: table.py RESULT.json"""

import json
import statistics
import sys


def spread(values, digits=3):
    """The median, and the least and the most where there are several."""
    text = f"{statistics.median(values):.{digits}g}"
    return text if len(values) == 1 else f"{text} ({min(values):.{digits}g} to {max(values):.{digits}g})"


def table(result):
    about = result["machine"]
    lines = [
        f"{about['processor']}, {about['cores']} cores ({', '.join(about['instructions'])}), torch {about['torch']}, {about['time']}",
        f"bundle {result['bundle']}, {result['rounds']} rounds in turns; start-up and warm-up are left out", "",
        f"{'':44} {'posts/s':>24} {'processor ms a post':>24} {'peak MiB':>9}",
    ]
    for name, runs in result["settings"].items():
        of = lambda key: [run[key] for run in runs]  # noqa: E731
        speed, processor = spread(of("posts/s")), spread(of("processor ms a post"))
        lines.append(f"{name:44} {speed:>24} {processor:>24} {max(of('peak MiB')):>9.0f}")
        threads = {thread: statistics.median(run["ms by thread"].get(thread, 0.0) for run in runs) for thread in runs[0]["ms by thread"]}
        if name.startswith("riveg"):
            lines.append("  of it " + ", ".join(f"{thread} {own:.3g}" for thread, own in threads.items() if own >= 0.5))
    for what in ("posts/s", "processor time a post"):
        lines += ["", f"ratios of {what} (above 1: riveg is better)"]
        for cores, found in result[f"ratios of {what}"].items():
            lines += [f"{name + f', {cores} cores':44} {spread(values):>24}" for name, values in found.items()]
    head = f"{'scores against gold':44} {'entities':>13} {'decisions':>13} {'box IoU':>8} {'mask IoU':>8}"
    lines += ["", f"{head}  equal to riveg's: entities, decisions, IoU of boxes, of masks"]
    for name, found in result["scores"].items():
        gold, same = found["against gold"], found["as riveg's first"]
        of = lambda part, whole: f"{gold[part]} of {gold[whole]}"  # noqa: E731
        lines.append(
            f"{name:44} {of('right', 'gold entities'):>13} {of('right decisions', 'right'):>13} {gold['mean IoU of boxes'] or 0:>8.4f} "
            f"{gold['mean IoU of masks'] or 0:>8.4f}  {same['entities of both']}/{same['entities']}, "
            f"{same['equal decisions']}/{same['decisions']}, {same['mean IoU of boxes']}, {same['mean IoU of masks']}"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(json.loads(open(sys.argv[1]).read())))
