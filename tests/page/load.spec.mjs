// Load: 10,000 posts without growing memory, and 200 posts a second without jank. Figures are printed.

import { expect, test } from "@playwright/test";

import { demoAnswers, open, serve } from "./support/server.mjs";

const many = (count) => {
  const lines = demoAnswers();
  return Array.from({ length: count }, (_, index) => lines[index % lines.length]);
};

async function memory(session) {
  await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  const of = (name) => metrics.find((metric) => metric.name === name).value;
  return { heap: of("JSHeapUsedSize") / 1e6, nodes: of("Nodes"), listeners: of("JSEventListeners") };
}

test("10,000 posts pass by and the page is as large as after 2,000", async ({ page, context }) => {
  const server = await serve(many(100));
  const faults = await open(page, server.url);
  const session = await context.newCDPSession(page);
  await session.send("Performance.enable");
  const seen = async () => Number(await page.locator(".row").first().getAttribute("data-seq")) + 1;
  const upTo = async (from, count) => {
    for (let at = from; at < count; at += 400) {
      server.add(many(Math.min(400, count - at)));
      // No faster than the page takes them: it keeps 500.
      await expect.poll(seen, { timeout: 20_000, intervals: [50] }).toBe(Math.min(at + 400, count));
    }
  };
  await upTo(100, 2_000);
  const early = await memory(session);
  await upTo(2_000, 10_000);
  const late = await memory(session);
  console.log(`after 2,000 posts ${early.heap.toFixed(1)} MB, ${early.nodes} nodes, ${early.listeners} listeners; after 10,000 ${late.heap.toFixed(1)} MB, ${late.nodes} nodes, ${late.listeners} listeners`);
  expect(await seen()).toBe(10_000);
  expect(late.heap).toBeLessThan(early.heap * 1.25 + 2);
  expect(late.nodes).toBeLessThan(early.nodes * 1.5);
  expect(late.listeners).toBeLessThan(early.listeners * 1.5);
  expect(faults).toEqual([]);
  await server.stop();
});

test("200 posts a second are drawn without jank", async ({ page }) => {
  const server = await serve(many(100));
  const faults = await open(page, server.url);
  await page.evaluate(() => {
    window.frames_ms = [];
    window.long_tasks = [];
    new PerformanceObserver((list) => window.long_tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask" });
    let last = performance.now();
    const tick = (now) => { window.frames_ms.push(now - last); last = now; requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
  });
  const seconds = 12;
  const begun = Date.now();
  for (let step = 0; step < seconds * 10; step++) {
    server.add(many(20));
    await new Promise((done) => setTimeout(done, Math.max(0, begun + (step + 1) * 100 - Date.now())));
  }
  await expect.poll(async () => Number(await page.locator(".row").first().getAttribute("data-seq"))).toBe(100 + seconds * 200 - 1);
  const { frames, tasks } = await page.evaluate(() => ({ frames: window.frames_ms.slice(1).sort((one, other) => one - other), tasks: window.long_tasks }));
  const at = (share) => frames[Math.min(frames.length - 1, Math.floor(frames.length * share))];
  const late = frames.filter((took) => took > 50).length / frames.length;
  console.log(`200 posts/s for ${seconds} s: ${frames.length} frames, median ${at(0.5).toFixed(1)} ms, p95 ${at(0.95).toFixed(1)} ms, p99 ${at(0.99).toFixed(1)} ms, longest ${at(1).toFixed(1)} ms; ${(late * 100).toFixed(2)} % above 50 ms; ${tasks.length} tasks above 50 ms`);
  expect(frames.length).toBeGreaterThan(seconds * 30);
  expect(at(0.95)).toBeLessThan(34);
  expect(late).toBeLessThan(0.02);
  expect(faults).toEqual([]);
  await server.stop();
});
