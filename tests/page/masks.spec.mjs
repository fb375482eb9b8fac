// Masks: the decoder of the page against COCO's text, and outlines against pixels.

import { expect, test } from "@playwright/test";

import { answer, encoded } from "./support/answer.mjs";
import { serve } from "./support/server.mjs";

let server;
test.beforeAll(async () => { server = await serve([answer("a", "Ada", [])], { posts: null }); });
test.afterAll(async () => { await server.stop(); });
test.beforeEach(async ({ page }) => { await page.goto(server.url); });

/** Decodes masks in the browser, with the page's own modules: `{ text, rows, columns }` each. */
const decoded = (page, masks) => page.evaluate(async (all) => {
  const { columnsOf, runsOf } = await import("/assets/runs.js");
  const { pathOf, ringsOf } = await import("/assets/outline.js");
  return all.map(({ text, rows, columns }) => {
    const begun = performance.now();
    const runs = runsOf(text, rows * columns);
    const rings = runs && ringsOf(columnsOf(runs, rows), rows);
    const path = rings && pathOf(rings);
    return { runs, rings, path, took: performance.now() - begun };
  });
}, masks);

/** A generator of numbers, the same in each run. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function runsOfPixels(pixels, rows, columns) {
  const runs = [];
  let [current, count] = [0, 0];
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      if (pixels[row * columns + column] !== current) {
        runs.push(count);
        [current, count] = [1 - current, 0];
      }
      count++;
    }
  }
  return [...runs, count];
}

/** Whether a point is inside of rings by the even-odd rule. */
function isInside(rings, x, y) {
  let inside = false;
  for (const ring of rings) {
    for (let at = 0; at < ring.length; at += 2) {
      const [x0, y0, x1, y1] = [ring[at], ring[at + 1], ring[(at + 2) % ring.length], ring[(at + 3) % ring.length]];
      if (y0 > y !== y1 > y && x < x0 + ((y - y0) / (y1 - y0)) * (x1 - x0)) inside = !inside;
    }
  }
  return inside;
}

test("runs survive COCO's text, and outlines have exactly the pixels inside", async ({ page }) => {
  const next = numbers(7);
  const cases = Array.from({ length: 300 }, () => {
    const [rows, columns] = [1 + next(12), 1 + next(12)];
    const density = next(10);
    const pixels = Array.from({ length: rows * columns }, () => (next(10) < density ? 1 : 0));
    const runs = runsOfPixels(pixels, rows, columns);
    return { rows, columns, pixels, runs, text: encoded(runs) };
  });
  const found = await decoded(page, cases);
  for (const [place, { rows, columns, pixels, runs }] of cases.entries()) {
    const { runs: read, rings, path } = found[place];
    expect(read).toEqual(runs);
    const inside = pixels.map((_, at) => (isInside(rings, (at % columns) + 0.5, Math.floor(at / columns) + 0.5) ? 1 : 0));
    expect(inside, `${rows}x${columns}`).toEqual(pixels);
    expect(path).not.toContain("NaN");
  }
});

test("a text that is no mask is none", async ({ page }) => {
  const masks = ["0", "zz", "~", "ooooooooo", "5", " ", "P", encoded([5, 8])].map((text) => ({ text, rows: 3, columns: 4 }));
  for (const { runs } of await decoded(page, masks)) expect(runs).toBeNull();
  const [whole] = await decoded(page, [{ text: encoded([0, 12]), rows: 3, columns: 4 }]);
  expect(whole.runs).toEqual([0, 12]);
});

test("a mask of 12 megapixels is drawn without a long wait", async ({ page }) => {
  const [rows, columns] = [3000, 4000];
  const runs = [];
  let before = 0;
  for (let column = 0; column < columns; column++) {
    const half = Math.round(Math.sqrt(Math.max(0, 1400 ** 2 - (column - 2000) ** 2)));
    if (half === 0) {
      before += rows;
      continue;
    }
    runs.push(before + 1500 - half, 2 * half);
    before = 1500 - half;
  }
  runs.push(before);
  const [{ path, took }] = await decoded(page, [{ text: encoded(runs), rows, columns }]);
  console.log(`a mask of 12 megapixels: ${took.toFixed(0)} ms, ${(path.length / 1000).toFixed(0)} kB of path`);
  expect(path.startsWith("M") && path.endsWith("Z")).toBe(true);
  expect(took).toBeLessThan(500);
});
