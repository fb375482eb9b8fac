// Elements: built by calls, never from text, so that no post can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. `props`: attributes; `on…` a listener, `class` and `text` as they say. Null children are left out. */
export function el(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same in SVG. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(node, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

/** A number between 0 and 1 as people read it. */
export const score = (value) => (typeof value === "number" ? value.toFixed(2) : "–");

const words = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** A number with at most one decimal. */
export const number = (value) => (typeof value === "number" && Number.isFinite(value) ? words.format(value) : "–");

/** A time of day; of another day with its date. */
export function clock(text) {
  const moment = new Date(text);
  if (!text || Number.isNaN(moment.getTime())) return "";
  const same = moment.toDateString() === new Date().toDateString();
  const time = moment.toLocaleTimeString("en-GB");
  return same ? time : `${moment.toLocaleDateString("en-CA")} ${time}`;
}

let toastTimer;

/** Says something briefly, also to screen readers. */
export function toast(text) {
  const node = byId("toast");
  node.textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { node.textContent = ""; }, 3500);
}
