// Screenshots: the demo's posts at three widths in both themes, into target/page. People look at them.

import { expect, test } from "@playwright/test";
import { mkdirSync, statSync } from "node:fs";

import { OUT, demoAnswers, open, serve } from "./support/server.mjs";

const FOLDER = `${OUT}/screenshots/`;

test("screenshots are made", async ({ page }) => {
  mkdirSync(FOLDER, { recursive: true });
  const server = await serve(demoAnswers());
  const telling = process.env.POST;
  for (const [width, height] of [[360, 740], [820, 1100], [1440, 900]]) {
    for (const colorScheme of ["light", "dark"]) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      await page.goto("about:blank");
      await open(page, telling ? `${server.url}#post=${telling}` : server.url);
      await expect(page.locator(".easel image")).toHaveCount(1);
      await page.waitForFunction(() => document.querySelectorAll("image[data-href]").length === 0);
      await page.waitForLoadState("networkidle").catch(() => undefined);
      for (const tab of width === 360 ? ["feed", "post"] : [null]) {
        if (tab) await page.locator(`.tabs button[data-tab="${tab}"]`).click();
        const file = `${FOLDER}${width}-${colorScheme}${tab ? `-${tab}` : ""}.png`;
        await page.screenshot({ path: file });
        expect(statSync(file).size).toBeGreaterThan(10_000);
      }
    }
  }
  await server.stop();
});
