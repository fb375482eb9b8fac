// Accessibility: axe-core finds no violation in both themes, at three widths, in each view.

import { expect, test } from "@playwright/test";
import axe from "axe-core";

import { answer } from "./support/answer.mjs";
import { demoAnswers, open, serve } from "./support/server.mjs";

let server;
test.beforeAll(async () => { server = await serve([...demoAnswers().slice(0, 30), answer("lacking", "Ada and Bob", [{ text: "Ada" }, { text: "Bob", shown: false, expansion: null }])]); });
test.afterAll(async () => { await server.stop(); });

async function violations(page) {
  await page.evaluate(axe.source);
  const result = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  expect(result.passes.length).toBeGreaterThan(15);
  return result.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html.slice(0, 120)} ${node.failureSummary}`).join("; ")}`);
}

for (const colorScheme of ["light", "dark"]) {
  for (const [width, height] of [[360, 740], [820, 1100], [1440, 900]]) {
    test(`${colorScheme}, ${width} wide`, async ({ page }) => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      const faults = await open(page, server.url);
      expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe(colorScheme);
      expect(await violations(page)).toEqual([]);
      if (width < 1184) {
        for (const tab of ["post", "engine", "letters"]) {
          await page.locator(`.tabs button[data-tab="${tab}"]`).click();
          expect(await violations(page), tab).toEqual([]);
        }
      }
      // A page never scrolls sideways.
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      await page.locator("#help").click();
      expect(await violations(page), "help").toEqual([]);
      expect(faults).toEqual([]);
    });
  }
}

test("nothing to show and no server are told", async ({ page }) => {
  const empty = await serve([]);
  await page.goto(empty.url);
  await expect(page.locator("#feed-blank")).toContainText("No post yet");
  expect(await violations(page)).toEqual([]);
  await empty.stop();
  await expect(page.locator("#status-text")).toHaveText(/Reconnecting|Not connected/);
  expect(await violations(page)).toEqual([]);
});
