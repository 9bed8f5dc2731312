import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { provideBrowser } from "../../tools/setup/browser.mjs";
import { type Bench, bench } from "../contract/simulator/support.ts";

const DESK = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };
const LAUNCH = {
  chromiumSandbox: false,
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
};

let browser: Browser | undefined;
let whyNone = "";

beforeAll(async () => {
  const executablePath = await provideBrowser().catch((error: Error) => {
    // A change is never called good without this; on a person's own machine the other tests are worth having.
    if (process.env.CI) throw error;
    whyNone = error.message;
  });
  if (executablePath) browser = await chromium.launch({ ...LAUNCH, executablePath });
  else console.error(`\nTHE SIMULATOR'S PAGE IS NOT TESTED: there is no browser.\n${whyNone}\n`);
});

beforeEach(({ skip }) => skip(whyNone !== "", whyNone));

afterAll(() => browser?.close());

/** A simulator whose clock stands still until the page moves it. */
async function scene(options: Parameters<typeof bench>[0] = {}): Promise<Bench> {
  const sim = await bench({ ssh: false, seed: 5, ...options });
  onTestFinished(() => sim.simulator.close());
  return sim;
}

/** The page as somebody with the link opens it; anything it complains about fails the test. */
async function open({ simulator }: Bench, viewport = DESK, fragment = `#token=${simulator.adminToken}`): Promise<Page> {
  const page = await (browser as Browser).newPage({ viewport });
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // Refused tokens and a stopped simulator are for the page to tell: tests look there.
    const isAnswer = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isAnswer) complaints.push(message.text());
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(simulator.adminUrl)) complaints.push(`asked for ${request.url()}`);
  });
  onTestFinished(async () => {
    await page.close();
    expect(complaints).toEqual([]);
  });
  await page.goto(`${simulator.adminUrl}/${fragment}`);
  return page;
}

const row = (page: Page, section: string, text: string): Locator =>
  page.locator(`#${section} tbody tr`).filter({ hasText: text });

const tile = (page: Page, name: string): Locator =>
  page.locator("#summary > div").filter({ has: page.getByText(name, { exact: true }) });

const button = (page: Page, name: string): Locator => page.getByRole("button", { name, exact: true });

describe("the simulator's page", () => {
  test("shows instances, the market, volumes, events, requests, faults and the bill", async () => {
    const sim = await scene();
    const [offer] = await sim.offers({ num_gpus: { eq: 1 }, avail_vol_size: { gte: 50 } });
    const { avail_vol_ask_id: ask, gpu_name: gpu, id: offerId } = offer as Record<string, string | number>;
    const volume = { create_new: true, volume_id: ask, size: 50, mount_path: "/data", name: "games" };
    const body = { image: "ubuntu:22.04", disk: 10, label: "trainer-0", volume_info: volume };
    const id = (await sim.call("PUT", `/api/v0/asks/${offerId}/`, body)).body.new_contract as number;
    await sim.call("GET", "/api/v0/nowhere/");
    await sim.admin("POST", "/admin/faults", { endpoint: "copy", kind: "copy-half", match: { label: "trainer" } });

    const page = await open(sim);
    const instance = row(page, "instances", "trainer-0");
    await instance.getByText(String(id)).waitFor();
    expect(await instance.getByRole("cell").allTextContents()).toContain(`1× ${gpu}`);
    await instance.getByText("accepted").waitFor();

    await button(page, "+1 h").click();
    await instance.getByText("running", { exact: true }).waitFor();
    await instance.getByText("success, running ubuntu_22.04").waitFor();
    await instance.getByText(/^\d+m \d+s$/).waitFor();
    await tile(page, "Instances").getByText("1 running").waitFor();
    await row(page, "events", `trainer-0 ${id}`).getByText("running").first().waitFor();
    await row(page, "volumes", "games").getByText(String(id)).waitFor();
    await row(page, "requests", "PUT /api/v0/asks/{id}/").waitFor();
    expect(await row(page, "requests", "not covered").getByRole("cell").allTextContents()).toContain("1");
    await row(page, "faults", "copy-half").getByText("label trainer").waitFor();
    const model = row(page, "market", String(gpu)).first();
    expect(await model.getByRole("cell").allTextContents()).toEqual([
      expect.stringMatching(/^\d+\/\d+$/),
      expect.stringMatching(/^\d+\/\d+$/),
      expect.stringMatching(/^\d+\/\d+$/),
      expect.stringMatching(/^\d+\.\d\d–\d+\.\d\d$/),
    ]);

    const { totalUsd } = (await sim.admin("GET", "/admin/bill")).body;
    expect(totalUsd).toBeGreaterThan(0);
    await row(page, "bill", "Total")
      .getByText(`$${totalUsd.toFixed(3)}`)
      .waitFor();
    expect(await tile(page, "Spent").locator(".figure").textContent()).toBe(`$${totalUsd.toFixed(2)}`);
  });

  test("shows a new instance, its end and refused calls without a reload", async () => {
    const sim = await scene({ choices: { enforceRateLimits: true } });
    const page = await open(sim);
    await page.locator("#instances").getByText("No instances.").waitFor();
    await page.evaluate("window.sameDocument = true");

    const id = await sim.rent({ label: "late-comer" });
    await row(page, "instances", "late-comer").waitFor();
    await sim.call("GET", `/api/v0/instances/${id}/`);
    expect((await sim.call("GET", `/api/v0/instances/${id}/`)).status).toBe(429);
    await tile(page, "Requests").getByText("1 × 429").waitFor();

    await sim.call("DELETE", `/api/v0/instances/${id}/`);
    await row(page, "instances", "late-comer").waitFor({ state: "detached" });
    await page.getByLabel("destroyed ones too").check();
    await row(page, "instances", "late-comer").getByText("destroyed", { exact: true }).waitFor();
    expect(await page.evaluate("window.sameDocument")).toBe(true);
  });

  test("moves the clock", async () => {
    const sim = await scene();
    const now = async (): Promise<number> => (await sim.admin("GET", "/admin/clock")).body.now;
    const started = await now();
    const page = await open(sim);
    await page.getByText("paused").waitFor();

    await button(page, "+1 day").focus();
    await page.keyboard.press("Enter");
    const tomorrow = new Date((started + 86_400) * 1000).toISOString();
    await page.getByText(`${tomorrow.slice(0, 10)} ${tomorrow.slice(11, 19)} UTC`).waitFor();
    expect(await now()).toBe(started + 86_400);
    expect(await button(page, "+1 day").evaluate("document.activeElement.textContent")).toBe("+1 day");

    await page.getByLabel("Speed").selectOption("×3,600");
    await button(page, "Resume").click();
    await page.getByText("running ×3,600").waitFor();
    await button(page, "Pause").click();
    await page.getByText("paused").waitFor();

    await sim.rent();
    const due = (await sim.admin("GET", "/admin/clock")).body.nextEventAt;
    await button(page, "Next event").click();
    await row(page, "events", "loading").waitFor();
    expect(await now()).toBe(due);
  });

  test("finds instances by label, and the market's own events on request", async () => {
    const sim = await scene();
    for (const label of ["trainer-0", "trainer-1", "worker-0"]) await sim.rent({ label });
    const page = await open(sim);
    await row(page, "instances", "worker-0").waitFor();
    await page.getByLabel("Filter instances").fill("TRAINER");
    await row(page, "instances", "worker-0").waitFor({ state: "detached" });
    expect(await page.locator("#instances tbody tr").count()).toBe(2);

    expect(await row(page, "events", "other-rents").count()).toBe(0);
    await page.getByLabel("the market's own too").check();
    await row(page, "events", "other-rents").first().waitFor();
  });

  test("shows labels as the text they are", async () => {
    const sim = await scene();
    const label = `<script>document.title = "owned"</script><img src=x onerror="document.title='owned'">`;
    await sim.rent({ label });
    const page = await open(sim);
    await row(page, "instances", label).waitFor();
    await row(page, "events", label).first().waitFor();
    expect(await page.locator("main :is(script, img)").count()).toBe(0);
    expect(await page.title()).toBe("0 running · vast-simulator");
  });

  test("asks for the token when the link has none, and says when it is wrong", async () => {
    const sim = await scene();
    await sim.rent({ label: "secret-project" });
    const bare = await fetch(`${sim.simulator.adminUrl}/`);
    expect(bare.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await bare.text()).not.toContain("secret-project");
    expect((await fetch(`${sim.simulator.adminUrl}/admin/overview`)).status).toBe(401);

    const page = await open(sim, DESK, "");
    await page.getByLabel("Admin token").fill("not this one");
    await button(page, "Open").click();
    await page.getByText("not the admin token").waitFor();
    expect(await page.getByRole("table").count()).toBe(0);
    await page.getByLabel("Admin token").fill(sim.simulator.adminToken);
    await page.keyboard.press("Enter");
    await row(page, "instances", "secret-project").waitFor();

    await page.reload();
    await row(page, "instances", "secret-project").waitFor();
  });

  test("says when the simulator is gone, and goes on when it is back", async () => {
    const first = await scene();
    const page = await open(first);
    await page.getByText("paused").waitFor();
    await first.simulator.close();
    await page.getByRole("status").getByText("does not answer").waitFor();

    const { adminUrl, adminToken } = first.simulator;
    const second = await scene({ adminPort: Number(new URL(adminUrl).port), adminToken });
    await second.rent({ label: "after-the-break" });
    await row(page, "instances", "after-the-break").waitFor();
    await page.getByText("does not answer").waitFor({ state: "detached" });
  });

  test.each([
    ["a desk", DESK],
    ["a phone", PHONE],
  ])("fits the width of %s, with long labels and a whole market", async (_, viewport) => {
    const sim = await scene({ offers: 2500 });
    const labels = ["", "a-label-without-a-single-break-".repeat(8), "trainer with several words ".repeat(5)];
    for (const label of labels) await sim.rent({ label });
    await sim.rent({ label: "broken", image: "nvidia/cuda:99.1.0-base-ubuntu24.04" });
    await sim.admin("POST", "/admin/faults", { endpoint: "GET /api/v0/instances/{id}/", kind: "status", times: null });
    await sim.step(600);
    const page = await open(sim, viewport);
    await row(page, "instances", "broken").getByText("Error").waitFor();
    await row(page, "market", "RTX 4090").first().waitFor();

    const tooWide = await page.evaluate(`
      [document.documentElement, ...document.querySelectorAll("header, main, section, .scroll")]
        .filter((box) => box.scrollWidth > box.clientWidth)
        .map((box) => \`\${box.closest("section")?.id ?? box.tagName}: \${box.scrollWidth} in \${box.clientWidth}\`)
    `);
    expect(tooWide).toEqual([]);
    // What is turned into cards on a phone is still a table to whoever cannot see it.
    const table = page.getByRole("table", { name: "Instances" });
    expect(await table.getByRole("columnheader").count()).toBe(8);
    expect(await table.getByRole("row").count()).toBe(5);
  });
});
