import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readPolicy } from "../../../operator/autoscale/policy.ts";

function policyOf(text: string, env: NodeJS.ProcessEnv = {}) {
  const folder = mkdtempSync(join(tmpdir(), "policy-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "autoscale.yaml");
  writeFileSync(file, text);
  return readPolicy(file, env);
}

const TRAINER = "fleets: {trainer: {queue: {http: 'http://q/'}, itemsPerWorker: 10}}";

test("VAST_AUTOSCALE_MIN and _MAX are the bounds of a fleet that has none, 2 and 10 without them", () => {
  expect(policyOf(TRAINER).trainer).toMatchObject({ min: 2, max: 10 });
  expect(policyOf(TRAINER, { VAST_AUTOSCALE_MIN: "1", VAST_AUTOSCALE_MAX: "4" }).trainer).toMatchObject({
    min: 1,
    max: 4,
  });
});

test("the policy's own bounds beat the environment's", () => {
  const text = TRAINER.replace("itemsPerWorker", "min: 0, max: 3, itemsPerWorker");
  expect(policyOf(text, { VAST_AUTOSCALE_MIN: "5", VAST_AUTOSCALE_MAX: "9" }).trainer).toMatchObject({
    min: 0,
    max: 3,
  });
});

test("a max below the default min lowers it", () => {
  expect(policyOf(TRAINER.replace("itemsPerWorker", "max: 1, itemsPerWorker")).trainer).toMatchObject({
    min: 1,
    max: 1,
  });
});

test("a password comes from the environment, and one that is not there is named", () => {
  const text = `fleets: {trainer: {queue: {redis: 'redis://:\${QUEUE_PASSWORD}@q:6379', key: jobs}, itemsPerWorker: 10}}`;
  expect(policyOf(text, { QUEUE_PASSWORD: "pw" }).trainer?.queue).toMatchObject({ redis: "redis://:pw@q:6379" });
  expect(() => policyOf(text)).toThrow(/uses \$\{QUEUE_PASSWORD\}, which the environment does not have/);
});

test.each([
  ["a misspelt key", TRAINER.replace("itemsPerWorker", "itemsPerWorkr"), /Unrecognized key: "itemsPerWorkr"/],
  ["min above max", TRAINER.replace("itemsPerWorker", "min: 5, max: 2, itemsPerWorker"), /min is above max/],
  [
    "a time that is none",
    TRAINER.replace("itemsPerWorker", 'windows: [{from: "24:30", to: "06:00"}], itemsPerWorker'),
    /time of day such as/,
  ],
  ["an unknown time zone", TRAINER.replace("itemsPerWorker", "timezone: Mars, itemsPerWorker"), /is no time zone/],
  ["an unknown queue", TRAINER.replace("http:", "kafka:"), /must be \{sqs\}, \{redis, key\} or \{http/],
  [
    "a look-ahead too short for a check and a copy",
    TRAINER.replace("itemsPerWorker", "lookAheadMinutes: 1, itemsPerWorker"),
    />=10/,
  ],
])("%s is refused, with the file and the place", (_, text, message) => {
  expect(() => policyOf(text)).toThrow(message);
  expect(() => policyOf(text)).toThrow(/autoscale\.yaml/);
});

test("a bound in the environment that is no number is an error, not a default", () => {
  expect(() => policyOf(TRAINER, { VAST_AUTOSCALE_MAX: "many" })).toThrow("VAST_AUTOSCALE_MAX must be a whole number");
});
