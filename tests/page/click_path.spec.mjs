// Click path: what a visitor does with the mouse, on the demo's posts.

import { expect, test } from "@playwright/test";
import { readFileSync } from "node:fs";

import { demoAnswers, open, serve } from "./support/server.mjs";

let server;
test.beforeAll(async () => { server = await serve(demoAnswers().slice(0, 40)); });
test.afterAll(async () => { expect(await server.stop()).toBe(0); });

test("a visitor sees posts, chooses one, points at an entity and saves it", async ({ page }) => {
  const faults = await open(page, server.url);
  await expect(page.locator("#status-text")).toHaveText("Live");
  await expect(page.locator("#feed-count")).toHaveText("40 posts");
  // The stage follows until somebody chooses.
  await expect(page.locator("#follow")).toHaveAttribute("aria-pressed", "true");
  await expect(page.locator(".easel .mask").first()).toBeVisible();

  await page.getByRole("radio", { name: "Shown", exact: true }).check();
  const row = page.locator(".row").nth(2);
  await row.click();
  await expect(page.locator("#follow")).toHaveAttribute("aria-pressed", "false");
  await expect(row).toHaveAttribute("aria-selected", "true");
  expect(page.url()).toContain("#post=");

  // The picture is there, with a mask whose outline is a path of its own.
  const image = page.locator(".easel image");
  await expect(image).toHaveCount(1);
  const loaded = await image.evaluate(async (node) => { const picture = new Image(); picture.src = node.href.baseVal; await picture.decode(); return picture.naturalWidth; });
  expect(loaded).toBeGreaterThan(10);
  expect((await page.locator(".easel .mask").first().getAttribute("d")).length).toBeGreaterThan(100);

  // Pointing at a mention marks it in the text, in the picture and in the list, and tells what is known.
  const number = await page.locator(".easel .region").last().getAttribute("data-entity");
  await page.locator(`.post-text [data-entity="${number}"]`).hover();
  await expect(page.locator(`.easel [data-entity="${number}"]`).first()).toHaveClass(/is-active/);
  await expect(page.locator(`.entity[data-entity="${number}"]`)).toHaveClass(/is-active/);
  await expect(page.locator("#tip")).toContainText("gate");
  await page.locator(".bar").hover();
  await expect(page.locator("#tip")).toBeHidden();

  await page.getByLabel("Zoom in").click();
  await expect(page.locator(".easel")).toHaveClass(/is-zoomed/);
  await page.getByLabel("Zoom out").click();

  const download = page.waitForEvent("download");
  await page.locator("#share").click();
  const saved = await (await download).path();
  const png = readFileSync(saved);
  expect([...png.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47]);
  expect(png.readUInt32BE(16)).toBe(1200);
  expect(png.length).toBeGreaterThan(20_000);
  expect(faults).toEqual([]);
});

test("filters narrow the feed, and clearing them brings it back", async ({ page }) => {
  const faults = await open(page, server.url);
  const count = page.locator("#feed-count");
  await page.getByRole("radio", { name: "Not shown" }).check();
  await expect(count).toHaveText(/^\d+ of 40 posts$/);
  for (const why of await page.locator(".row-entities span:last-child").allTextContents()) expect(why).not.toBe("no entity");
  await page.getByRole("checkbox", { name: "PER" }).uncheck();
  await page.locator("#filter-score").fill("0.9");
  await page.locator("#filter-text").fill("no post has these words");
  await expect(page.locator("#feed-blank")).toContainText("No post passes the filters");
  await page.locator("#filter-reset").click();
  await expect(count).toHaveText("40 posts");
  const name = await page.locator(".row .mention").first().textContent();
  await page.locator("#filter-text").fill(name.toUpperCase());
  await expect(page.locator(".row .mention").first()).toContainText(name);
  expect(faults).toEqual([]);
});

test("the feed pauses, goes back, and a link leads to one post", async ({ page, context }) => {
  const faults = await open(page, server.url);
  await page.locator("#pause").click();
  await expect(page.locator("#status-text")).toHaveText("Paused");
  server.add(demoAnswers().slice(40, 45));
  await expect(page.locator("#to-newest")).toHaveText("5 newer posts");
  await expect(page.locator("#feed-count")).toContainText("45 posts");
  await page.locator("#older").click();
  const id = await page.locator(".post-meta").textContent();
  await page.locator("#to-newest").click();
  await expect(page.locator("#status-text")).toHaveText("Live");
  const other = await context.newPage();
  await other.goto(page.url());
  await expect(other.locator(".post-meta")).toHaveText(id);
  await other.goto(`${server.url}#post=nobody`);
  await other.reload();
  await expect(other.locator(".stage-blank")).toContainText("The post is not here");
  expect(faults).toEqual([]);
});

test("an entity that is not shown says why", async ({ page }) => {
  const faults = await open(page, server.url);
  await page.getByRole("radio", { name: "Not shown" }).check();
  await page.locator(".row").first().click();
  await expect(page.locator(".entity-why").first()).toContainText(/gate|picture/);
  expect(faults).toEqual([]);
});
