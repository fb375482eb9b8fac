// Charts: a line of the last minutes, and bars.

import { el, number, svg } from "./dom.js";

// Three minutes of figures, one every two seconds.
export const POINTS = 90;

/** A line of values, the latest on the right. Null values make a gap of the line's start. */
export function spark(values, label) {
  const known = values.filter((value) => value !== null);
  const most = Math.max(...known, 1e-9);
  const x = (index) => ((index + POINTS - values.length) * 100) / (POINTS - 1);
  const y = (value) => 38 - (value / most) * 36;
  const points = values.map((value, index) => (value === null ? null : `${x(index).toFixed(2)},${y(value).toFixed(2)}`)).filter(Boolean);
  const from = x(values.length - points.length).toFixed(2);
  const said = known.length > 0 ? `${label}: now ${number(known.at(-1))}, at most ${number(Math.max(...known))} in the last three minutes` : `${label}: not known`;
  return svg("svg", { class: "spark", viewBox: "0 0 100 40", preserveAspectRatio: "none", role: "img", "aria-label": said },
    svg("line", { x1: 0, x2: 100, y1: 38.5, y2: 38.5 }),
    points.length > 1 && svg("polygon", { points: `${from},38 ${points.join(" ")} 100,38` }),
    points.length > 1 && svg("polyline", { points: points.join(" ") }));
}

/** Bars with names: `{ name, value, text, median }`, drawn as shares of `most`. */
export function bars(rows, most) {
  const share = (value) => Math.max(0, Math.min(100, (value / (most || 1)) * 100));
  return el("dl", { class: "bars" }, rows.flatMap(({ name, value, text, median }) => [
    el("dt", { text: name, title: name }),
    el("dd", {}, svg("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("rect", { width: share(value), height: 8 }),
      median !== undefined && svg("rect", { class: "is-median", x: Math.max(0, share(median) - 1), width: 1.5, height: 8 }))),
    el("dd", { class: "bar-value", text }),
  ]));
}
