// Hostile posts: what a post says is text, whatever it looks like.

import { expect, test } from "@playwright/test";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { answer } from "./support/answer.mjs";
import { open, serve } from "./support/server.mjs";

const ATTACKS = [
  "<script>window.hacked = 1</script>",
  "<img src=x onerror=\"window.hacked = 1\">",
  "\"><svg onload=window.hacked=1>",
  "javascript:window.hacked=1",
  "{{constructor.constructor('window.hacked=1')()}}",
  "</title></textarea></style><script>window.hacked=1</script>",
  "<a href=\"javascript:window.hacked=1\">click</a>",
  "<iframe srcdoc=\"<script>parent.hacked=1</script>\"></iframe>",
  "\u2028event: hello\ndata: {\"process\":\"x\"}\n\n",
  "\u202egnihtyna\u202c",
];

test("no post runs script, in any of its fields", async ({ page }) => {
  const lines = ATTACKS.map((attack, index) => answer(`${index}${attack}`, `${attack} Ada`, [
    { text: "Ada", type: attack, expansion: attack }, { text: attack.slice(0, 30) || "x", type: "constructor", shown: false, expansion: attack },
  ], { author: { name: attack, __proto__: 1 }, lang: attack, created_at: attack, provenance: { engine: attack, bundle: attack, degraded: [attack], degraded_codes: ["unstated"] } }));
  const folder = mkdtempSync(join(tmpdir(), "riveg-page-"));
  const posts = join(folder, "posts.jsonl");
  const svg = Buffer.from("<svg xmlns='http://www.w3.org/2000/svg' onload='window.hacked=1'><script>window.hacked=1</script></svg>").toString("base64");
  writeFileSync(posts, ATTACKS.map((attack, index) => `${JSON.stringify({ id: `${index}${attack}`, text: `${attack} Ada`, media: [{ key: "m1", bytes: svg, alt_text: attack }] })}\n`).join(""));
  const server = await serve(lines, { posts });
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  const faults = await open(page, server.url);
  await expect(page.locator("#feed-count")).toHaveText(`${ATTACKS.length} posts`);
  for (let index = 0; index < ATTACKS.length; index++) {
    await page.locator(".row").nth(index).click();
    for (const node of await page.locator(".post-text .mention").all()) await node.hover();
    // The whole text is there, as text.
    await expect(page.locator(".post-text")).toContainText("Ada");
  }
  await page.locator("#filter-text").fill("<script>");
  await expect(page.locator(".row").first()).toBeVisible();
  expect(await page.evaluate(() => window.hacked)).toBeUndefined();
  expect(await page.locator("main script, main iframe, main a, main img").count()).toBe(0);
  // Nothing is asked of other servers.
  for (const url of requests) expect(url.startsWith(server.url) || url.startsWith("blob:"), url).toBe(true);
  // An SVG is no picture here; that it could not be had is the only complaint.
  for (const fault of faults) expect(fault).toContain("415");
  // Neither by its own address.
  const picture = await page.request.get(new URL("/", server.url).href);
  expect(picture.headers()["content-security-policy"]).toContain("script-src 'self'");
  await server.stop();
});

test("the policy stops what a page's own script would try", async ({ page }) => {
  const server = await serve([answer("a", "Ada", [{ text: "Ada" }])], { posts: null });
  await open(page, server.url);
  const tried = await page.evaluate(async () => {
    const script = document.createElement("script");
    try {
      script.textContent = "window.hacked = 1";
      document.body.append(script);
    } catch {
      // Trusted types refuse it already.
    }
    let markup = "written";
    try {
      document.body.insertAdjacentHTML("beforeend", "<b>x</b>");
    } catch {
      markup = "refused";
    }
    const elsewhere = await fetch("https://example.org/").then(() => "sent", () => "refused");
    return { hacked: window.hacked, markup, elsewhere };
  });
  expect(tried).toEqual({ hacked: undefined, markup: "refused", elsewhere: "refused" });
  await server.stop();
});

test("a mask that lies, and a text without end, do no harm", async ({ page }) => {
  const lie = JSON.parse(answer("lie", "Ada", [{ text: "Ada" }]));
  lie.entities[0].span = { start: 1_000_000, end: 2_000_000, unit: "codepoint", byte_start: 0, byte_end: 3 };
  const long = answer("long", `${"Ada ".repeat(2_500_000)}`, [{ text: "Ada" }]);
  const server = await serve([JSON.stringify(lie), "no json", long, answer("last", "Ada", [{ text: "Ada" }])], { posts: null });
  const faults = await open(page, server.url);
  await expect(page.locator(".row")).toHaveCount(3);
  for (let index = 0; index < 3; index++) await page.locator(".row").nth(index).click();
  await expect(page.locator(".post-text")).toBeVisible();
  expect(faults).toEqual([]);
  await server.stop();
});
