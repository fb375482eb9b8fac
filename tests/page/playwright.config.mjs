// Playwright's settings: one real Chromium, one test at a time, because some measure time and memory.

import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.mjs",
  outputDir: `${process.env.RIVEG_OUT}/failures`,
  workers: 1,
  fullyParallel: false,
  forbidOnly: true,
  timeout: 240_000,
  // A busy machine is slow, and no fault of the page.
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  use: {
    viewport: { width: 1440, height: 900 },
    colorScheme: "light",
    trace: "off",
    launchOptions: {
      // The browser of the system where there is one; Playwright's own otherwise.
      executablePath: process.env.RIVEG_CHROMIUM || undefined,
      // A container's root has no user namespaces for the sandbox. The page under test is our own.
      args: process.getuid?.() === 0 ? ["--no-sandbox", "--enable-precise-memory-info"] : ["--enable-precise-memory-info"],
    },
  },
});
