import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { SPACING_S, sharedPacer, UNLISTED_SPACING_S } from "../../../provider/api/pacing.ts";
import type { Clock } from "../../../provider/clock.ts";

const CREATE = "PUT /api/v0/asks/{id}/";
const identity = { endpoint: "https://console.vast.ai", apiKey: "a-key-that-must-not-leak" };
let folder: string;
/** Stands still until a pacer waits. */
let nowMs: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pacing-"));
  vi.stubEnv("XDG_CACHE_HOME", folder);
  nowMs = 1_800_000_000_000;
  waiting = [];
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });
});

interface Waiting {
  ms: number;
  wake: () => void;
}
/** Those who wait for the wall clock; whoever is first is woken first, once everybody else has come to rest. */
let waiting: Waiting[] = [];

/** Waiting moves the wall clock, and further than asked where timers are late. */
function clockOf(scale: number, lateMs: (call: number) => number = () => 0): Clock {
  let calls = 0;
  return {
    scale,
    nowS: () => nowMs / 1000,
    elapsedS: () => 0,
    sleep: (seconds) =>
      new Promise((wake) => {
        waiting.push({ ms: nowMs + (seconds * 1000) / scale + lateMs(calls), wake });
        calls += 1;
        afterRest(wakeFirst);
      }),
  };
}

function wakeFirst(): void {
  const [first] = waiting.sort((a, b) => a.ms - b.ms).splice(0, 1);
  nowMs = Math.max(nowMs, first?.ms ?? 0);
  first?.wake();
}

function afterRest(work: () => void, turns = 10): void {
  setImmediate(() => (turns === 0 ? work() : afterRest(work, turns - 1)));
}

/** A pacer, and when its calls left, in seconds of the service from now. */
function pacing(scale = 1, who = identity, clock = clockOf(scale)) {
  const startMs = nowMs;
  const at: number[] = [];
  const pacer = sharedPacer(who, clock);
  /** `connectMs`: what a new connection takes before the call can be written to it. */
  const slot = (route: string, connectMs = 0) =>
    pacer.inTurn(route, async (left) => {
      nowMs += connectMs;
      at.push(((nowMs - startMs) / 1000) * scale);
      left();
    });
  return { pacer: { ...pacer, slot }, at, startMs };
}

function gaps(times: readonly number[]): number[] {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted.slice(1).map((time, index) => time - (sorted[index] ?? 0));
}

test("the first call of a route goes at once, the next ones never closer than the interval, and hardly later", async () => {
  const { pacer, at } = pacing();
  await Promise.all(Array.from({ length: 6 }, () => pacer.slot(CREATE)));
  expect(Math.min(...at)).toBe(0);
  for (const gap of gaps(at)) {
    expect(gap).toBeGreaterThanOrEqual(4.5);
    expect(gap).toBeLessThanOrEqual(4.5 * 1.05);
  }
});

test("two programs with the same key never call closer together than the interval", async () => {
  const one = pacing();
  const two = pacing();
  await Promise.all(Array.from({ length: 8 }, (_, n) => (n % 2 ? one : two).pacer.slot(CREATE)));
  const all = [...one.at, ...two.at];
  expect(all).toHaveLength(8);
  for (const gap of gaps(all)) expect(gap).toBeGreaterThanOrEqual(4.5);
});

test("a program that starts right after another has ended still keeps the interval", async () => {
  await pacing().pacer.slot(CREATE);
  nowMs += 1000;
  const later = pacing();
  await later.pacer.slot(CREATE);
  expect(later.at[0]).toBeGreaterThanOrEqual(3.5);
  expect(later.at[0]).toBeLessThanOrEqual(4);
});

test("routes do not hold each other up", async () => {
  const { pacer, at } = pacing();
  for (const route of Object.keys(SPACING_S)) await pacer.slot(route);
  expect(at).toHaveLength(Object.keys(SPACING_S).length);
  expect(Math.max(...at)).toBe(0);
});

test("keys and endpoints do not hold each other up", async () => {
  const one = pacing();
  const other = pacing(1, { ...identity, apiKey: "other" });
  const local = pacing(1, { ...identity, endpoint: "http://127.0.0.1:1" });
  for (const { pacer } of [one, other, local]) await pacer.slot(CREATE);
  expect([one.at, other.at, local.at]).toEqual([[0], [0], [0]]);
});

test("a route that the document does not list is paced all the same", async () => {
  const { pacer, at } = pacing();
  await pacer.slot("POST /somewhere/");
  await pacer.slot("POST /somewhere/");
  expect(at[1]).toBeGreaterThanOrEqual(UNLISTED_SPACING_S);
});

test("after a refusal nobody calls that route before the penalty is over", async () => {
  const one = pacing();
  const two = pacing();
  await one.pacer.slot(CREATE);
  await one.pacer.holdOff(CREATE, 12);
  await two.pacer.slot(CREATE);
  expect(two.at[0]).toBeGreaterThanOrEqual(12);
});

test("a penalty also holds for those who were waiting already", async () => {
  const { pacer, at } = pacing();
  await pacer.slot(CREATE);
  const waiting = [pacer.slot(CREATE), pacer.slot(CREATE)];
  await pacer.holdOff(CREATE, 12);
  await Promise.all(waiting);
  expect(at[1]).toBeGreaterThanOrEqual(12);
  expect((at[2] ?? 0) - (at[1] ?? 0)).toBeGreaterThanOrEqual(4.5);
});

test("a penalty shortens no interval", async () => {
  const { pacer, at } = pacing();
  await pacer.slot(CREATE);
  await pacer.holdOff(CREATE, 1);
  await pacer.slot(CREATE);
  expect(at[1]).toBeGreaterThanOrEqual(4.5);
});

test("a call that left late puts off the next one", async () => {
  const { pacer, at } = pacing();
  await pacer.slot(CREATE);
  nowMs += 8000;
  await pacer.slot(CREATE);
  await pacer.slot(CREATE);
  expect(at[1]).toBeCloseTo(8, 1);
  expect((at[2] ?? 0) - (at[1] ?? 0)).toBeGreaterThanOrEqual(4.5);
});

test("timers that are a little late do not add up", async () => {
  const { pacer, at } = pacing(
    1,
    identity,
    clockOf(1, (call) => (call % 2 === 0 ? 60 : 0)),
  );
  for (let n = 0; n < 21; n += 1) await pacer.slot(CREATE);
  for (const gap of gaps(at)) expect(gap).toBeGreaterThanOrEqual(4.5);
  expect(at[20]).toBeLessThanOrEqual(20 * 4.5 * 1.035);
});

test("a program that wakes too late for its slot does not call beside another that is in time", async () => {
  const stalled = pacing(
    1,
    identity,
    clockOf(1, (call) => (call === 1 ? 4600 : 0)),
  );
  const other = pacing();
  await Promise.all(Array.from({ length: 8 }, (_, n) => (n % 2 ? stalled : other).pacer.slot(CREATE)));
  for (const gap of gaps([...stalled.at, ...other.at])) expect(gap).toBeGreaterThanOrEqual(4.5);
});

test("a call that first needs a connection counts from when it is written to it", async () => {
  const { pacer, at } = pacing();
  await pacer.slot(CREATE, 800);
  await pacer.slot(CREATE);
  expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(4.5);
});

test("a call that fails before it left lets the next one go", async () => {
  const { pacer, at } = pacing();
  const failing = pacer.inTurn(CREATE, () => Promise.reject(new Error("no network")));
  await expect(failing).rejects.toThrow("no network");
  await pacer.slot(CREATE);
  expect(at).toHaveLength(1);
});

test("after a refusal calls keep a wider distance", async () => {
  const { pacer, at } = pacing();
  await pacer.holdOff(CREATE, 12);
  for (let n = 0; n < 3; n += 1) await pacer.slot(CREATE);
  for (const gap of gaps(at)) expect(gap).toBeGreaterThanOrEqual(4.5 * 1.05);
});

test("a run with many calls ahead that is killed leaves the next run no queue", async () => {
  const killed = pacing();
  await killed.pacer.slot(CREATE);
  // These never get their turn: the process is gone before.
  const taken = Promise.withResolvers<void>();
  const sleep = () => {
    taken.resolve();
    return new Promise<void>(() => {});
  };
  const dead = pacing(1, identity, { ...clockOf(1), sleep });
  for (let n = 0; n < 20; n += 1) void dead.pacer.slot(CREATE);
  await taken.promise;
  const next = pacing();
  await next.pacer.slot(CREATE);
  // The one slot that it had taken is lost.
  expect(next.at[0]).toBeLessThanOrEqual(10);
});

test("against a faster clock the same seconds of the service hold", async () => {
  const { pacer, at } = pacing(1000);
  for (let n = 0; n < 4; n += 1) await pacer.slot(CREATE);
  for (const gap of gaps(at)) expect(gap).toBeGreaterThanOrEqual(4.5);
});

test("the key is in no file and no file name, and the folder is the user's own", async () => {
  await pacing().pacer.slot(CREATE);
  const pacingFolder = join(folder, "pulumi-vast", "pacing");
  for (const name of readdirSync(pacingFolder)) {
    expect(name).not.toContain(identity.apiKey);
    expect(readFileSync(join(pacingFolder, name), "utf8")).not.toContain(identity.apiKey);
  }
  expect(statSync(pacingFolder).mode & 0o077).toBe(0);
});

test.for(["", "{", "[1]", '{"PUT /api/v0/asks/{id}/": "soon"}', '{"PUT /api/v0/asks/{id}/": 99999999999999}'])(
  "a broken file of slots holds nobody up for ever: %s",
  async (content) => {
    const { pacer, at } = pacing();
    await pacer.slot(CREATE);
    const pacingFolder = join(folder, "pulumi-vast", "pacing");
    const [name = ""] = readdirSync(pacingFolder).filter((file) => file.endsWith(".json"));
    writeFileSync(join(pacingFolder, name), content);
    await pacer.slot(CREATE);
    expect(at[1]).toBeLessThan(10);
  },
);
