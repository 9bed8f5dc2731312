import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readEvents } from "../../tools/preview-report/events.ts";
import { costOf, markdown } from "../../tools/preview-report/report.ts";
import { openScene, rentals, upWithConnection } from "./harness.ts";

test("a change that adds two workers and breaks a budget is reported with plan, cost and violation, and rents nothing", async () => {
  const fleet = { profile: "self-play", with: { offer: { maxDph: 0.6 } } };
  await using scene = await openScene({ trainer: { ...fleet, workers: 1 } });
  await upWithConnection(scene);
  const rented = await rentals(scene.local);
  scene.stack.configure(
    { trainer: { ...fleet, workers: 3 } },
    { "pulumi-vast:policies": { "fleet-budget": { fleets: { trainer: { perDay: 30 } } } } },
  );
  const log = join(scene.dir, "preview.events");

  const { exitCode, all } = await scene.stack.pulumi(["preview", "--event-log", log], {
    env: { PULUMI_DEBUG_COMMANDS: "true", PULUMI_OPTION_POLICY_PACK: "policies" },
  });

  expect(exitCode, all).not.toBe(0);
  const preview = readEvents(readFileSync(log, "utf8"));
  const { before, after } = costOf(preview.steps);
  expect(before).toBeGreaterThan(0);
  expect(after - before).toBeCloseTo(1.2);
  const comment = markdown(preview, "e2e");
  expect(comment).toContain("| create | trainer-worker-1 | Instance |");
  expect(comment).toContain("| create | trainer-worker-2 | Instance |");
  expect(comment).toContain("the price caps of fleet trainer add up to $43.20 per day; the budget is $30.00");
  expect(await rentals(scene.local)).toEqual(rented);
});
