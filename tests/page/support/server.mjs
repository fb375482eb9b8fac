// Server under test: the real `riveg view` with a file of answers that grows.

import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The folder of scripts/page. */
export const OUT = process.env.RIVEG_OUT;

/** The engine's answers to posts of the pocket world, and these posts, as scripts/page has made them. */
const DEMO = { answers: join(OUT, "annotations.jsonl"), posts: join(OUT, "world/feed.jsonl") };

/** The lines of the demo's answers. */
export const demoAnswers = () => readFileSync(DEMO.answers, "utf8").trim().split("\n");

/** Starts the page with some lines. `add` appends lines, `stop` ends it. */
export async function serve(lines, { posts = DEMO.posts, args = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "riveg-page-"));
  const answers = join(folder, "answers.jsonl");
  writeFileSync(answers, lines.map((line) => `${line}\n`).join(""));
  const program = process.env.RIVEG;
  const from = posts ? ["--posts", posts] : [];
  // The page shows the path, which would differ from one screenshot to the next.
  const child = spawn(program, ["view", "answers.jsonl", ...from, "--address", "127.0.0.1:0", "--log", "warn", ...args], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  // A test that fails does not stop it.
  const end = () => child.kill("SIGKILL");
  process.on("exit", end);
  const url = await new Promise((done, failed) => {
    let said = "";
    child.stdout.on("data", (data) => {
      said += data;
      const found = /the page is at (\S+)/.exec(said);
      if (found) done(found[1]);
    });
    child.on("exit", (code) => failed(new Error(`riveg view ended with ${code}: ${said}`)));
  });
  return {
    url,
    add: (more) => appendFileSync(answers, more.map((line) => `${line}\n`).join("")),
    async stop() {
      child.removeAllListeners("exit");
      const ended = new Promise((done) => child.on("exit", done));
      child.kill("SIGTERM");
      const code = await ended;
      process.off("exit", end);
      rmSync(folder, { recursive: true, force: true });
      return code;
    },
  };
}

/** Opens a page, and fails the test at the end if the page logged an error or broke its policy. */
export async function open(page, url) {
  const faults = [];
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  page.on("pageerror", (error) => faults.push(error.message));
  await page.goto(url);
  await page.locator(".row").first().waitFor();
  return faults;
}
