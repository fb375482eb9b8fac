// Easel: the large picture, with tags of fixed size, zoom by wheel, keys and buttons, and panning.

import { el, svg } from "./dom.js";
import { altOf, drawImage, drawRegion, hrefOf, regionsOf, whyMissing } from "./picture.js";

const MOST_ZOOM = 16;
const TAG = 17;

/** Draws a picture of a post. `point(index, node)`: an entity is pointed at, none with null. */
export function easel(post, medium, { point, choose }) {
  const { width, height } = medium;
  const view = { x: 0, y: 0, zoom: 1 };
  const canvas = svg("svg", { class: "canvas", preserveAspectRatio: "xMidYMid meet", role: "img", "aria-label": describe(post, medium) });
  canvas.style.aspectRatio = `${width} / ${height}`;
  const root = el("div", { class: "easel" }, canvas);
  const fault = (text) => root.append(el("p", { class: "easel-fault", text }));
  if (hrefOf(post, medium)) {
    const image = drawImage(post, medium, true);
    image.addEventListener("error", () => {
      image.remove();
      fault("The picture could not be had. Boxes and masks are where they were found.");
    });
    canvas.append(image);
  } else {
    fault(whyMissing(post, medium));
  }
  const found = regionsOf(post, medium.key);
  const tags = found.map(({ entity, index, region }) => {
    const group = drawRegion({ entity, index, region });
    const tag = svg("g", { class: "tag" }, svg("rect", { class: "tag-ground", rx: 3 }), svg("text", { class: "tag-text", text: String(index + 1), "text-anchor": "middle" }));
    group.append(tag);
    group.addEventListener("pointerenter", () => point(index, group));
    group.addEventListener("pointerleave", () => point(null));
    group.addEventListener("click", () => choose(index));
    canvas.append(group);
    return { tag, box: region.box };
  });

  const draw = () => {
    const shown = [width / view.zoom, height / view.zoom];
    view.x = Math.max(0, Math.min(view.x, width - shown[0]));
    view.y = Math.max(0, Math.min(view.y, height - shown[1]));
    canvas.setAttribute("viewBox", `${view.x} ${view.y} ${shown[0]} ${shown[1]}`);
    root.classList.toggle("is-zoomed", view.zoom > 1);
    const pixels = Math.min(canvas.clientWidth / shown[0], canvas.clientHeight / shown[1]) || 1;
    for (const { tag, box } of tags) placeTag(tag, box, 1 / pixels);
  };
  const zoomTo = (zoom, [x, y] = [view.x + width / view.zoom / 2, view.y + height / view.zoom / 2]) => {
    const next = Math.max(1, Math.min(MOST_ZOOM, zoom));
    // The point under the pointer stays where it is.
    view.x = x - ((x - view.x) * view.zoom) / next;
    view.y = y - ((y - view.y) * view.zoom) / next;
    view.zoom = next;
    draw();
  };
  const pixelAt = (event) => {
    const inverse = canvas.getScreenCTM()?.inverse();
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(inverse);
    return [x, y];
  };
  canvas.addEventListener("wheel", (event) => {
    // A plain wheel scrolls the page, as pinching and the wheel with Ctrl zoom everywhere.
    if (!event.ctrlKey && view.zoom === 1) return;
    event.preventDefault();
    zoomTo(view.zoom * Math.exp(-event.deltaY / 300), pixelAt(event));
  }, { passive: false });
  canvas.addEventListener("pointermove", (event) => {
    if (view.zoom === 1 || event.buttons !== 1) return;
    const pixels = canvas.getScreenCTM()?.a ?? 1;
    view.x -= event.movementX / pixels;
    view.y -= event.movementY / pixels;
    draw();
  });
  const button = (text, label, act) => el("button", { type: "button", "aria-label": label, onclick: act, text });
  root.append(el("div", { class: "zoom" },
    button("−", "Zoom out", () => zoomTo(view.zoom / 1.5)),
    button("+", "Zoom in", () => zoomTo(view.zoom * 1.5))));
  const watch = new ResizeObserver(draw);
  watch.observe(canvas);
  draw();
  return { root, canvas, zoomBy: (factor) => zoomTo(view.zoom * factor), resetZoom: () => zoomTo(1), end: () => watch.disconnect() };
}

function placeTag(tag, [x0, y0], unit) {
  const [ground, text] = tag.children;
  const side = TAG * unit;
  const [x, y] = [Math.max(0, x0), Math.max(0, y0)];
  for (const [name, value] of Object.entries({ x, y, width: side, height: side, rx: 3 * unit })) ground.setAttribute(name, value);
  text.setAttribute("x", x + side / 2);
  text.setAttribute("y", y + side * 0.73);
  text.style.fontSize = `${11 * unit}px`;
}

function describe(post, medium) {
  const names = [...new Set(regionsOf(post, medium.key).map(({ entity }) => entity.text))];
  const alt = altOf(post, medium);
  const found = names.length > 0 ? `It shows ${names.join(", ")}.` : "None of the entities was found in it.";
  return `Picture of ${medium.width} by ${medium.height} pixels${alt ? `: ${alt}` : ""}. ${found}`;
}
