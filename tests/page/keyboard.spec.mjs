// Keyboard path: everything without a mouse, with a focus that can be seen.

import { expect, test } from "@playwright/test";

import { demoAnswers, open, serve } from "./support/server.mjs";

let server;
test.beforeAll(async () => { server = await serve(demoAnswers().slice(0, 40)); });
test.afterAll(async () => { await server.stop(); });

test("posts are stepped through, filtered and paused by keys", async ({ page }) => {
  const faults = await open(page, server.url);
  const selected = page.locator('.row[aria-selected="true"]');
  await page.keyboard.press("k");
  await expect(page.locator("#follow")).toHaveAttribute("aria-pressed", "false");
  const first = await selected.getAttribute("data-seq");
  for (const key of ["ArrowDown", "j"]) await page.keyboard.press(key);
  expect(Number(await selected.getAttribute("data-seq"))).toBe(Number(first) - 2);
  await page.keyboard.press("ArrowUp");
  expect(Number(await selected.getAttribute("data-seq"))).toBe(Number(first) - 1);
  await page.keyboard.press(" ");
  await expect(page.locator("#status-text")).toHaveText("Paused");
  await page.keyboard.press(" ");
  await page.keyboard.press("/");
  await page.keyboard.type("jk ");
  await expect(page.locator("#filter-text")).toHaveValue("jk ");
  await expect(page.locator("#status-text")).toHaveText("Live");
  await page.locator("#filter-text").fill("");
  await page.keyboard.press("Escape");
  await page.keyboard.press("+");
  await expect(page.locator(".easel")).toHaveClass(/is-zoomed/);
  await page.keyboard.press("0");
  await expect(page.locator(".easel")).not.toHaveClass(/is-zoomed/);
  await page.keyboard.press("?");
  await expect(page.locator("#help-dialog")).toBeVisible();
  await page.locator("#single-keys").uncheck();
  await page.keyboard.press("Escape");
  await page.keyboard.press(" ");
  await expect(page.locator("#status-text")).toHaveText("Live");
  expect(faults).toEqual([]);
});

test("every control is reached by Tab, shows its focus, and none holds it", async ({ page }) => {
  const faults = await open(page, server.url);
  await page.keyboard.press("k");
  await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
  const visited = [];
  for (let step = 0; step < 80; step++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const node = document.activeElement;
      if (node === document.body) return null;
      // A hidden box of a choice shows the focus on its label.
      const shown = [node, node.nextElementSibling].filter(Boolean).some((one) => {
        const style = getComputedStyle(one);
        return style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2;
      });
      return { name: node.id || `${node.className} ${node.textContent}`.slice(0, 40), shown };
    });
    if (at === null) break;
    expect(at.shown, `the focus of ${at.name} cannot be seen`).toBe(true);
    visited.push(at.name);
  }
  for (const id of ["pause", "theme", "help", "filter-text", "filter-score", "list", "older", "follow", "link", "share", "stage-body", "letters"]) {
    expect(visited, visited.join(", ")).toContain(id);
  }
  expect(visited.some((name) => name.startsWith("mention"))).toBe(true);
  expect(visited.some((name) => name.startsWith("entity"))).toBe(true);
  expect(faults).toEqual([]);
});

test("the focus on a mention tells what is known of it", async ({ page }) => {
  const faults = await open(page, server.url);
  await page.locator(".row .mention").first().click();
  await page.locator(".post-text .mention").first().focus();
  await expect(page.locator("#tip")).toContainText("name");
  await expect(page.locator(".entity").first()).toHaveClass(/is-active/);
  expect(faults).toEqual([]);
});

test("with reduced motion the stage does not move on by itself", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await open(page, server.url);
  await expect(page.locator("#follow")).toHaveAttribute("aria-pressed", "false");
  expect(await page.locator(".region").first().evaluate((node) => getComputedStyle(node).transitionDuration)).toBe("0s");
});
