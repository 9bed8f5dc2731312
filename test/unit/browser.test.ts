import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { planInstall, provideBrowser } from "../../tools/setup/browser.mjs";

/** A folder with executables that answer like a browser, or like a stub that has none to start. */
function folderWith(programs: Record<string, "works" | "fails">): string {
  const folder = mkdtempSync(join(tmpdir(), "browser-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, outcome] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho ${name} 1.0\n${outcome === "works" ? "exit 0" : "exit 1"}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

test("the browser that CHROMIUM_PATH names is taken before any on PATH", async () => {
  const own = folderWith({ brave: "works" });
  const PATH = folderWith({ chromium: "works" });
  expect(await provideBrowser({ PATH, CHROMIUM_PATH: join(own, "brave") })).toBe(join(own, "brave"));
});

test("a CHROMIUM_PATH that does not start is an error, not a reason to take another browser", async () => {
  const PATH = folderWith({ chromium: "works" });
  await expect(provideBrowser({ PATH, CHROMIUM_PATH: "/nowhere/chromium" })).rejects.toThrow(
    "CHROMIUM_PATH is /nowhere/chromium, and `/nowhere/chromium --version` fails.",
  );
});

test("a stub of that name on PATH is passed over", async () => {
  const PATH = folderWith({ "chromium-browser": "fails", "google-chrome": "works" });
  expect(await provideBrowser({ PATH })).toBe(join(PATH, "google-chrome"));
});

test.each([
  ["Debian", 'ID=debian\nVERSION_ID="12"\n', 0, { packages: ["chromium", "fonts-liberation"] }],
  ["Ubuntu", "ID=ubuntu\nID_LIKE=debian\n", 0, { packages: ["chromium-browser", "fonts-liberation"] }],
  ["a relative of both", 'ID=linuxmint\nID_LIKE="ubuntu debian"\n', 0, { packages: expect.any(Array) }],
  ["Debian without root", "ID=debian\n", 1000, { why: "only root can install it" }],
  ["another Linux", "ID=fedora\n", 0, { why: "this is neither Debian nor Ubuntu" }],
  ["a system without os-release", "", undefined, { why: "this is neither Debian nor Ubuntu" }],
])("what is installed on %s", (_, osRelease, uid, plan) => {
  expect(planInstall({ osRelease, uid })).toEqual(plan);
});
