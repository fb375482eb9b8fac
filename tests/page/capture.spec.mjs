// Capture: the page while posts come, as an animated picture for the README, target/page/feed.webp.

import { expect, test } from "@playwright/test";
import { writeFileSync } from "node:fs";

import { animated } from "./support/animated_webp.mjs";
import { OUT, demoAnswers, open, serve } from "./support/server.mjs";

const [WIDTH, HEIGHT] = [1120, 700];
const FRAMES = 25;
/** Posts that are there before. */
const BEFORE = 40;
/** What a frame is shown for, and a frame after which a reader looks at a post. */
const [SHORT, LONG] = [350, 1200];

/** The answers that name most and show something, last. */
function telling(lines) {
  const shown = (line) => JSON.parse(line).entities.filter((entity) => entity.regions.length > 0).length;
  return lines.map((line) => [shown(line), line]).sort(([one], [other]) => one - other).map(([, line]) => line);
}

test("the page is captured while posts come", async ({ page, context }) => {
  await page.setViewportSize({ width: WIDTH, height: HEIGHT });
  const lines = telling(demoAnswers());
  const server = await serve(lines.slice(0, BEFORE));
  const faults = await open(page, server.url);
  const studio = await context.newPage();
  const encoded = async (png) => {
    const text = await studio.evaluate(async (png) => {
      const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
      const canvas = new OffscreenCanvas(picture.width, picture.height);
      canvas.getContext("2d", { alpha: false }).drawImage(picture, 0, 0);
      const blob = await canvas.convertToBlob({ type: "image/webp", quality: 0.6 });
      return new Promise((done) => {
        const reader = new FileReader();
        reader.onload = () => done(reader.result.split(",")[1]);
        reader.readAsDataURL(blob);
      });
    }, png.toString("base64"));
    return Buffer.from(text, "base64");
  };
  const frames = [];
  const coming = lines.slice(-2 * FRAMES);
  for (let step = 0; step < FRAMES; step++) {
    server.add(coming.slice(2 * step, 2 * step + 2));
    const newest = String(BEFORE + 2 * step + 1);
    await expect(page.locator('.row[aria-posinset="1"]')).toHaveAttribute("data-seq", newest);
    // Every fifth frame a reader looks at the newest post, for longer.
    const goes = step % 5 === 4;
    if (goes) {
      await page.locator('.row[aria-posinset="1"]').click();
      await page.waitForFunction(() => document.querySelectorAll("image[data-href]").length === 0);
    }
    frames.push({ still: await encoded(await page.screenshot()), milliseconds: goes ? LONG : SHORT });
  }
  const file = animated(frames, WIDTH, HEIGHT);
  writeFileSync(`${OUT}/feed.webp`, file);
  // The browser reads it as it was meant.
  const read = await page.evaluate(async (text) => {
    const data = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const decoder = new ImageDecoder({ data, type: "image/webp" });
    await decoder.tracks.ready;
    await decoder.completed;
    const { image } = await decoder.decode({ frameIndex: decoder.tracks.selectedTrack.frameCount - 1 });
    return { frames: decoder.tracks.selectedTrack.frameCount, width: image.displayWidth, height: image.displayHeight };
  }, file.toString("base64"));
  expect(read).toEqual({ frames: FRAMES, width: WIDTH, height: HEIGHT });
  console.log(`feed.webp: ${(file.length / 1e6).toFixed(2)} MB, ${FRAMES} frames`);
  expect(file.length).toBeLessThan(1_500_000);
  expect(faults).toEqual([]);
  await server.stop();
});
