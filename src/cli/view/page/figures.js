// Figures: the engine's posts per second, lag, latencies, caches and language models.

import { bars, POINTS, spark } from "./charts.js";
import { byId, el, number } from "./dom.js";

const history = { rate: [], lag: [] };

const seconds = (value) => (value === null || value === undefined ? "–" : value < 1 ? `${Math.round(value * 1000)} ms` : `${number(value)} s`);

/** Remembers figures and draws them. `hello` says whether there is an engine to ask. */
export function showFigures(figures) {
  remember(history.rate, figures.posts_per_second);
  remember(history.lag, figures.lag_records);
  byId("engine-hint").textContent = figures.fault ?? (figures.ready === false ? "not ready" : "last three minutes");
  byId("figures").replaceChildren(...[
    figure("Posts per second", number(figures.posts_per_second), "", spark(history.rate, "Posts per second")),
    figure("Lag", number(figures.lag_records), figures.lag_seconds === null ? "records" : `records, ${seconds(figures.lag_seconds)}`, spark(history.lag, "Lag in records")),
    stages(figures.stages),
    caches(figures.caches),
    models(figures.models),
  ].filter(Boolean));
}

/** Says why there are no figures. */
export function noFigures(text) {
  byId("engine-hint").textContent = "";
  byId("figures").replaceChildren(el("p", { class: "hint", text }));
}

function remember(values, value) {
  values.push(value ?? null);
  if (values.length > POINTS) values.shift();
}

function figure(title, value, unit, ...content) {
  return el("section", { class: "figure" }, el("h3", { text: title }), value !== null && el("p", { class: "figure-value" }, value, " ", el("small", { text: unit })), content);
}

function stages(list) {
  const busy = list.filter((stage) => stage.p95 !== null);
  if (busy.length === 0) return figure("Latency of stages", null, "", el("p", { class: "hint", text: "No request in the last seconds." }));
  const most = Math.max(...busy.map((stage) => stage.p95));
  const rows = busy.map(({ stage, p50, p95 }) => ({ name: stage, value: p95, median: p50, text: seconds(p95) }));
  return figure("Latency of stages", null, "", bars(rows, most), el("p", { class: "hint", text: "95 of 100 requests; the mark: half of them" }));
}

function caches(list) {
  const asked = list.filter((cache) => cache.hit_share !== null);
  if (asked.length === 0) return figure("Caches", null, "", el("p", { class: "hint", text: "No request in the last seconds." }));
  const rows = asked.map(({ kind, hit_share }) => ({ name: kind, value: hit_share, text: `${Math.round(hit_share * 100)} %` }));
  return figure("Answered by caches", null, "", bars(rows, 1));
}

function models(list) {
  if (list.length === 0) return figure("Language models", null, "", el("p", { class: "hint", text: "None is in use." }));
  const most = Math.max(...list.map((model) => model.requests_per_second), 1e-9);
  const rows = list.map(({ endpoint, requests_per_second, tokens_per_second }) => ({
    name: endpoint, value: requests_per_second, text: `${number(requests_per_second)}/s, ${number(tokens_per_second)} tokens/s`,
  }));
  return figure("Language models", null, "", bars(rows, most));
}
