// Picture: a picture of a post with what was found in it, as one SVG, so that edges are crisp at any zoom.

import { svg } from "./dom.js";
import { maskPath } from "./masks.js";
import { types } from "./types.js";

/** The regions of a picture: `{ entity, index, region }`, the larger boxes first, so that the smaller lie on top. */
export function regionsOf(post, key) {
  const area = ([x0, y0, x1, y1]) => (x1 - x0) * (y1 - y0);
  return post.answer.entities
    .flatMap((entity, index) => entity.regions.filter((region) => region.media_key === key).map((region) => ({ entity, index, region })))
    .sort((one, other) => area(other.region.box) - area(one.region.box));
}

/** The drawing of one region. */
export function drawRegion({ entity, index, region }) {
  const path = maskPath(region.mask);
  const [x0, y0, x1, y1] = region.box;
  const place = { x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0) };
  return svg("g", { class: `region ${types.class(entity.type)}`, "data-entity": index },
    path && svg("path", { class: "halo", d: path }),
    path && svg("path", { class: "mask", d: path, "fill-rule": "evenodd" }),
    svg("rect", { class: "box-halo", ...place }),
    svg("rect", { class: "box", ...place }),
    // The whole box takes the pointer.
    svg("rect", { ...place, fill: "transparent" }));
}

/** The picture itself. `load`: whether its bytes are asked for now. */
export function drawImage(post, medium, load) {
  const href = hrefOf(post, medium);
  return svg("image", { width: medium.width, height: medium.height, preserveAspectRatio: "none", ...(load ? { href } : { "data-href": href }) });
}

/** The address of a picture's bytes; none where the server does not have it. */
export const hrefOf = (post, medium) => post.pictures.find((picture) => picture.key === medium.key)?.href ?? null;

/** Why the server does not have a picture. */
export const whyMissing = (post, medium) => post.pictures.find((picture) => picture.key === medium.key)?.why ?? "The picture is not here.";

/** What the author says that a picture shows. */
export const altOf = (post, medium) => post.pictures.find((picture) => picture.key === medium.key)?.alt ?? "";

/** A small picture of a post with its masks, for lists. Without one, words. */
export function thumbnail(post, medium, load) {
  if (!medium) return null;
  const { width, height } = medium;
  const drawing = svg("svg", { class: "thumb", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true" });
  if (hrefOf(post, medium)) drawing.append(drawImage(post, medium, load));
  drawing.append(...regionsOf(post, medium.key).map(drawRegion));
  return drawing;
}

/** Asks for the bytes of a drawing that did not yet. */
export function loadImages(node) {
  for (const image of node.querySelectorAll("image[data-href]")) {
    image.setAttribute("href", image.dataset.href);
    image.removeAttribute("data-href");
  }
}
