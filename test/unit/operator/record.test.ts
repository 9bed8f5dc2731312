import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { actionRecord } from "../../../operator/record.ts";

const folder = mkdtempSync(join(tmpdir(), "record-"));
afterAll(() => rmSync(folder, { recursive: true }));
let nowS = 1_800_000_000;
const recordOf = (name: string) => actionRecord({ folder, name }, () => nowS);

test("actions are read back by time and prefix, in their order", () => {
  const record = recordOf("acme/shop/dev");
  record.append({
    what: "scale",
    why: "asked",
    fleets: ["trainer"],
    before: 2,
    after: 3,
    dphBefore: 0.2,
    dphAfter: 0.3,
  });
  nowS += 60;
  record.append({ what: "replace", why: "GPU failed", workers: ["trainer2-worker-0"], contracts: [36_700_001] });
  expect(record.file).toBe(join(folder, ".vast-fleet/acme.shop.dev.jsonl"));
  expect(record.read().actions.map(({ what }) => what)).toEqual(["scale", "replace"]);
  expect(record.read({ prefix: "trainer" }).actions).toMatchObject([
    { at: "2027-01-15T08:00:00.000Z", who: expect.stringContaining("@"), before: 2, after: 3, outcome: "ok" },
  ]);
  expect(record.read({ since: 1_800_000_001 }).actions.map(({ what }) => what)).toEqual(["replace"]);
  expect(record.read({ until: 1_800_000_060 }).actions.map(({ what }) => what)).toEqual(["scale"]);
});

test("a line that was cut short is counted, and hides no other", () => {
  const record = recordOf("cut");
  record.append({ what: "up", why: "asked" });
  appendFileSync(record.file, '{"at": "2027-01-15T08\n');
  record.append({ what: "down", why: "asked" });
  expect(record.read()).toMatchObject({ actions: [{ what: "up" }, { what: "down" }], unreadable: 1 });
});

test("each action is one line, whatever is in it", () => {
  const record = recordOf("lines");
  record.append({ what: "up", why: "two\nlines", outcome: "failed", error: "a\nb" });
  expect(readFileSync(record.file, "utf8").trimEnd()).not.toContain("\n");
});

test("a stack without a record has done nothing", () => {
  expect(recordOf("none").read()).toEqual({ actions: [], unreadable: 0 });
});
