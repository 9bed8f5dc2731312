import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TOKENS } from "../../policies/resources.ts";
import { type Preview, readEvents } from "../../tools/preview-report/events.ts";
import { costOf, markdown } from "../../tools/preview-report/report.ts";
import type { Deployment } from "../../tools/stack.ts";
import { ok, openScene, rentals, type Scene, upWithConnection } from "./harness.ts";

const fleet = { profile: "self-play", with: { offer: { maxDph: 0.6 } } };
let scene: Scene;
beforeAll(async () => {
  scene = await openScene({ trainer: { ...fleet, workers: 2 } });
  await upWithConnection(scene);
});
afterAll(() => scene[Symbol.asyncDispose]());

/** Under the packs, as its event log tells it. */
async function preview(): Promise<Preview & { exitCode: number | undefined; all: string }> {
  const log = join(scene.dir, "preview.events");
  const { exitCode, all } = await scene.stack.pulumi(["preview", "--event-log", log], {
    env: { PULUMI_DEBUG_COMMANDS: "true", PULUMI_OPTION_POLICY_PACK: "policies" },
  });
  return { ...readEvents(readFileSync(log, "utf8")), exitCode, all };
}

/** The hosts of the workers, as the state has them: no market puts two workers on one host whenever a test wants it. */
async function recordHosts(...hosts: number[]): Promise<void> {
  const state = await scene.stack.exportState();
  const workers = (state.deployment.resources ?? []).filter(isInstance);
  for (const [n, { outputs }] of workers.entries()) Object.assign(outputs ?? {}, { hostId: hosts[n] });
  const file = join(scene.dir, "state.json");
  writeFileSync(file, JSON.stringify(state));
  await ok(scene.stack, ["stack", "import", "--file", file]);
}

function isInstance({ type }: NonNullable<Deployment["deployment"]["resources"]>[number]): boolean {
  return type === TOKENS.instance[0];
}

test.each([
  ["passes on two hosts", [7, 8], []],
  ["is warned of on one host", [7, 7], [{ rule: "spread-hosts", level: "advisory", subject: "trainer" }]],
])("a fleet that exists %s", async (_, hosts, findings) => {
  await recordHosts(...hosts);
  const { exitCode, all, ...found } = await preview();
  expect(exitCode, all).toBe(0);
  expect(found.findings, all).toMatchObject(findings);
  expect(found.findings).toHaveLength(findings.length);
});

test("a change that adds two workers and breaks a budget is reported with plan, cost, prices now and violation, and rents nothing", async () => {
  const rented = await rentals(scene.local);
  // The workers that exist are updated in place, which leaves their price open in the preview's outputs.
  const tagged = { ...fleet.with, tags: { purpose: "paper" } };
  scene.stack.configure(
    { trainer: { ...fleet, workers: 4, with: tagged } },
    { "pulumi-vast:policies": { "fleet-budget": { fleets: { trainer: { perDay: 30 } } } } },
  );

  const { exitCode, all, ...found } = await preview();

  expect(exitCode, all).not.toBe(0);
  const { before, after } = costOf(found.steps);
  expect(before).toBeGreaterThan(0);
  expect(after - before).toBeCloseTo(1.2);
  const comment = markdown(found, "e2e");
  expect(comment).toContain("| create | trainer-worker-2 | Instance |");
  expect(comment).toContain("| update | trainer-worker-0 | Instance |");
  expect(comment).toContain("| create | trainer-worker-3 | Instance |");
  expect(comment).toContain("the price caps of fleet trainer add up to $57.60 per day; the budget is $30.00");
  expect(all).toMatch(/\d+ machines match now; .* The fleet of 4 workers, 2 to rent: \$0\.\d+\/h, \$/);
  const [trainer = "", together = "", budget, credit] = (found.prices ?? []).slice(2).map((line) => line.trim());
  const [perHour = 0, perDay = 0, perMonth = 0] = trainer.split(/ +/).slice(3).map(Number);
  expect(trainer).toMatch(/^trainer +4 +2 /);
  expect(together.split(/ +/).slice(1)).toEqual(trainer.split(/ +/).slice(1));
  expect(perHour).toBeGreaterThan(before);
  expect(perHour).toBeLessThan(after);
  expect(perDay).toBeCloseTo(perHour * 24, 1);
  expect(perMonth).toBeCloseTo(perHour * 720, -1);
  const share = Math.round((perDay / 30) * 100);
  expect(budget).toBe(`budget of fleet trainer: $${perDay.toFixed(2)} of $30.00 per day (${share} %)`);
  expect(credit).toMatch(/^credit of the account: \$\d+\.\d+: enough for \d+ hours/);
  expect(comment).toContain(`\n- ${budget}\n- ${credit}\n`);
  expect(await rentals(scene.local)).toEqual(rented);
});
