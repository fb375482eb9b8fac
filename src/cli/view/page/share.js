// Share: a post as a PNG, with its picture, boxes, masks and entities.

import { isShown } from "./entities.js";
import { hrefOf, regionsOf } from "./picture.js";
import { maskPath } from "./masks.js";
import { types } from "./types.js";

const WIDTH = 1200;
const EDGE = 40;
const PICTURE = 520;
const LINE = 36;
const MOST_LINES = 12;
const MOST_ENTITIES = 8;

/** Draws a post and has the browser save it. */
export async function savePng(post, medium) {
  const blob = await draw(post, medium);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `riveg-${post.answer.post_id.replace(/[^A-Za-z0-9._-]+/g, "_").slice(0, 80)}.png`;
  link.click();
  // The download has begun by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

async function draw(post, medium) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d");
  const left = medium ? EDGE + PICTURE + EDGE : EDGE;
  const room = WIDTH - left - EDGE;
  const font = (weight, size) => { pen.font = `${weight} ${size}px ${colour("--sans")}`; };
  font(400, 28);
  const lines = wrapped(pen, post.answer.text ?? "", room).slice(0, MOST_LINES);
  const entities = post.answer.entities.slice(0, MOST_ENTITIES);
  const scale = medium ? Math.min(PICTURE / medium.width, 720 / medium.height) : 0;
  const height = Math.max(medium ? medium.height * scale : 0, lines.length * LINE + 24 + entities.length * 64) + 2 * EDGE + 24;
  canvas.width = WIDTH;
  canvas.height = Math.ceil(height);
  pen.fillStyle = colour("--surface");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  if (medium) await drawPicture(pen, post, medium, { scale, colour });
  font(400, 28);
  pen.fillStyle = colour("--ink");
  lines.forEach((line, index) => pen.fillText(line, left, EDGE + 28 + index * LINE));
  let y = EDGE + lines.length * LINE + 48;
  entities.forEach((entity, index) => {
    const shown = isShown(entity);
    pen.fillStyle = colour(`--type-${types.place(entity.type)}`);
    pen.fillRect(left, y - 24, 5, 46);
    font(650, 22);
    pen.fillText(`${index + 1}  ${clipped(pen, entity.text, room - 220)}  ${entity.type}`, left + 18, y);
    font(400, 18);
    pen.fillStyle = colour("--muted");
    const said = `${shown ? "shown" : "not shown"}${entity.expansion ? `, ${entity.expansion.text}` : ""}`;
    pen.fillText(clipped(pen, said, room - 20), left + 18, y + 24);
    y += 64;
  });
  font(600, 16);
  pen.fillStyle = colour("--muted");
  pen.fillText(`riveg · ${post.answer.post_id}`.slice(0, 100), EDGE, canvas.height - 18);
  return new Promise((done, failed) => canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("the browser made no PNG"))), "image/png"));
}

async function drawPicture(pen, post, medium, { scale, colour }) {
  pen.save();
  pen.translate(EDGE, EDGE);
  pen.fillStyle = colour("--sunk");
  pen.fillRect(0, 0, medium.width * scale, medium.height * scale);
  const href = hrefOf(post, medium);
  if (href) {
    const image = new Image();
    image.src = href;
    // Without its picture the rest is still worth saving.
    const loaded = await image.decode().then(() => true, () => false);
    if (loaded) pen.drawImage(image, 0, 0, medium.width * scale, medium.height * scale);
  }
  pen.scale(scale, scale);
  for (const { entity, index, region } of regionsOf(post, medium.key)) {
    const over = colour(`--over-${types.place(entity.type)}`);
    const path = new Path2D(maskPath(region.mask));
    const [x0, y0, x1, y1] = region.box;
    pen.fillStyle = over;
    pen.globalAlpha = 0.38;
    pen.fill(path, "evenodd");
    pen.globalAlpha = 1;
    for (const [stroke, width] of [["#fff", 5], [over, 2.5]]) {
      pen.strokeStyle = stroke;
      pen.lineWidth = width / scale;
      pen.stroke(path);
      pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
    pen.fillStyle = over;
    pen.fillRect(x0, y0, 26 / scale, 26 / scale);
    pen.fillStyle = entity.type === "PER" ? "#fff" : "#14171b";
    pen.font = `700 ${16 / scale}px ${colour("--sans")}`;
    pen.fillText(String(index + 1), x0 + 8 / scale, y0 + 19 / scale);
  }
  pen.restore();
}

function clipped(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  let short = Array.from(text).slice(0, 120);
  while (short.length > 1 && pen.measureText(`${short.join("")}…`).width > room) short = short.slice(0, -1);
  return `${short.join("")}…`;
}

function wrapped(pen, text, room) {
  const lines = [];
  let line = "";
  for (const word of text.slice(0, 2000).split(/\s+/)) {
    const longer = line ? `${line} ${word}` : word;
    if (line && pen.measureText(longer).width > room) {
      lines.push(line);
      line = clipped(pen, word, room);
    } else {
      line = clipped(pen, longer, room);
    }
  }
  return line ? [...lines, line] : lines;
}
