import { expect, test, vi } from "vitest";
import { TARGETS_S } from "../nights/judge.ts";
import { NIGHT_CLOUD, NIGHT_FLEETS, stackNight } from "../nights/stack-night.ts";
import { openFleetProject } from "./operator-project.ts";
import { openCloud } from "./project.ts";

test("part of a night on a real stack, whose engine's seconds count one to one: recovered within the runbook's targets, nothing lost, nothing rented twice", async () => {
  await using cloud = await openCloud(NIGHT_CLOUD);
  const project = await openFleetProject(cloud, NIGHT_FLEETS);
  for (const [name, value] of Object.entries(project.env)) vi.stubEnv(name, value);
  const night = await stackNight({
    cloud,
    project,
    seed: 1,
    hours: 0.3,
    kinds: ["preemption", "crash", "dud"],
  });
  const told = night.transcript.join("\n");
  expect(night.missed, told).toEqual([]);
  for (const { kind, seconds, targetS } of night.recoveries)
    expect(seconds ?? Number.POSITIVE_INFINITY, `${kind}\n${told}`).toBeLessThanOrEqual(targetS ?? Number.NaN);
  expect(night.checkpointsLost, told).toEqual([]);
  expect(night.duplicateRentals, told).toEqual([]);
  expect(night.killedInS, told).toBeLessThanOrEqual(TARGETS_S.billing);
});
