import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { reportOf } from "../../operator/report/figures.ts";
import { page } from "../../operator/report/page.ts";
import type { Sample } from "../../operator/report/samples.ts";
import { provideBrowser } from "../../tools/setup/browser.mjs";

const T = Date.UTC(2026, 10, 2) / 1000;
const DAY_S = 86_400;
let browser: Browser | undefined;
let whyNone = "";

beforeAll(async () => {
  const executablePath = await provideBrowser().catch((error: Error) => {
    if (process.env.CI) throw error;
    whyNone = error.message;
  });
  const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];
  if (executablePath) browser = await chromium.launch({ chromiumSandbox: false, executablePath, args });
  else console.error(`\nTHE REPORT'S PAGE IS NOT TESTED: there is no browser.\n${whyNone}\n`);
});

beforeEach(({ skip }) => skip(whyNone !== "", whyNone));

afterAll(() => browser?.close());

/** A week of two fleets. */
function html(): string {
  const fleets = ["zeb", "a-fleet-with-quite-a-long-name-indeed"];
  const samples = Array.from({ length: 7 * 24 }, (_, hour) =>
    fleets.map(
      (fleet, index): Sample => ({
        atS: T + hour * 3600,
        contract: index + 1,
        label: `${fleet}-worker-0`,
        fleet,
        team: "research",
        gpu: index === 0 ? "1x RTX 3060" : "8x H100 SXM",
        dph: 0.1,
        condition: hour % 30 === 29 ? "preempted" : "running",
        gpuUse: 80,
        rate: 4 - index,
      }),
    ),
  ).flat();
  const costs = Array.from({ length: 7 }, (_, day) =>
    fleets.map((fleet, index) => ({
      day: new Date((T + day * DAY_S) * 1000).toISOString().slice(0, 10),
      source: `instance-${index + 1}`,
      label: `${fleet}-worker-0`,
      usd: 2 + day + index,
    })),
  ).flat();
  const span = { stack: "prod", fromS: T, toS: T + 7 * DAY_S };
  return page(
    reportOf({ ...span, costs, samples, removals: [], factsOf: () => ({}), actions: { replace: 3 }, unit: "games" }),
  );
}

test.each([
  ["a desk", 1440, 900],
  ["a phone", 390, 844],
])(
  "the page of a report shows its charts and tables on %s, from the file alone, and nothing sticks out",
  async (_, width, height) => {
    const folder = mkdtempSync(join(tmpdir(), "report-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "report.html");
    writeFileSync(file, html());
    const view = await (browser as Browser).newPage({ viewport: { width, height } });
    onTestFinished(() => view.close());
    const complaints: string[] = [];
    view.on("pageerror", (error) => complaints.push(error.message));
    view.on("console", (message) => void (message.type() === "error" && complaints.push(message.text())));
    view.on(
      "request",
      (request) => void (request.url() !== pathToFileURL(file).href && complaints.push(request.url())),
    );
    await view.goto(pathToFileURL(file).href);

    expect(await view.locator("h1").textContent()).toBe("prod, 2026-11-02 to 2026-11-09");
    const drawn = await view.evaluate(`[...document.querySelectorAll("canvas")].map((canvas) => ({
    id: canvas.id,
    inked: canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0),
  }))`);
    expect(drawn).toEqual(["days", "size", "gpus", "efficiency"].map((id) => ({ id, inked: true })));
    expect(await view.getByRole("heading", { name: "Interruptions" }).count()).toBe(1);
    expect(await view.evaluate("document.documentElement.scrollWidth")).toBe(width);
    const cut = "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollWidth > one.clientWidth).length";
    expect(await view.evaluate(cut)).toBe(0);
    expect(complaints).toEqual([]);
  },
);
