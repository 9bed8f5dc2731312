import { expect, test } from "vitest";
import { failuresBefore, judge, unitsPerHourOf } from "../../../../operator/watch/health.ts";
import type { WatchEntry } from "../../../../operator/watch/memory.ts";
import { incidentsOf, markdown } from "../../../../operator/watch/postmortem.ts";
import { typeOf } from "../../../../operator/watch/recover.ts";
import { readWatchSettings } from "../../../../operator/watch/settings.ts";
import { diskUsed, gpuFigures, memoryUsed, processesIn } from "../../../../operator/watch/vitals.ts";

const SETTINGS = readWatchSettings('{"heartbeat": {}}');
const NOW_S = 1_800_000_000;
const WELL = {
  condition: "running",
  gpuUsed: 90,
  memoryUsed: 40,
  diskUsed: 50,
  gpus: 1,
  processes: 1,
  checkpointAge: 60,
  heartbeatAge: 10,
  unitsPerHour: 5000,
  sshError: null,
} as const;

test("nvidia-smi, free, df and ps are read, and what they do not say is missing, not zero", () => {
  expect(gpuFigures("91\n95\n")).toEqual({ gpus: 2, gpuUsed: 93 });
  expect(gpuFigures("[N/A]\n")).toEqual({ gpus: 1, gpuUsed: null });
  expect(gpuFigures(undefined)).toEqual({ gpus: 0, gpuUsed: null });
  expect(memoryUsed("       total used free\nMem:   1000  850  150\n")).toBe(85);
  expect(memoryUsed(undefined)).toBeNull();
  expect(diskUsed("Filesystem 1K-blocks Used Available Use% Mounted on\noverlay 100 91 9 91% /\n")).toBe(91);
  expect(diskUsed("")).toBeNull();
  const ps =
    "USER PID %CPU %MEM COMMAND\nroot 1 0 0 /sbin/docker-init\nroot 88 0 0 sshd: x\nroot 214 90 9 python train.py\n";
  expect(processesIn(ps, undefined)).toBe(1);
  expect(processesIn(ps, /selfplay/)).toBe(0);
  expect(processesIn(undefined, undefined)).toBeNull();
});

test("a worker without GPU, process or heartbeat has a problem; one below its limits a warning", () => {
  expect(judge(WELL, SETTINGS)).toEqual({ problems: [], warnings: [] });
  expect(judge({ ...WELL, gpus: 0 }, SETTINGS).problems).toEqual(["no GPU answers"]);
  expect(judge({ ...WELL, processes: 0, heartbeatAge: 301 }, SETTINGS).problems).toEqual([
    "no worker process",
    "no heartbeat for 301 s",
  ]);
  expect(judge({ ...WELL, condition: "crashed" }, SETTINGS).problems).toEqual(["it is crashed"]);
  expect(judge({ ...WELL, gpuUsed: 59, memoryUsed: 81 }, SETTINGS)).toEqual({
    problems: [],
    warnings: ["GPU 59 %, wanted 60 %", "memory 81 %"],
  });
});

test("figures that nobody reported are neither a problem nor a warning", () => {
  const silent = {
    ...WELL,
    gpuUsed: null,
    memoryUsed: null,
    diskUsed: null,
    gpus: null,
    processes: null,
    heartbeatAge: null,
  };
  expect(judge(silent, SETTINGS)).toEqual({ problems: [], warnings: [] });
});

const check = (failing: string[]) =>
  ({
    at: "2027-01-15T08:00:00Z",
    who: "me",
    pid: 1,
    what: "health",
    why: "",
    workers: ["w", "v"],
    fleets: [],
    contracts: [],
    before: { failing },
    outcome: "ok",
  }) as const;

test("failures are counted in a row, and forgotten after one check that is well", () => {
  const actions = [check(["w"]), check([]), check(["w", "v"]), check(["w"])] as never;
  expect(failuresBefore(actions, "w")).toBe(2);
  expect(failuresBefore(actions, "v")).toBe(0);
  expect(failuresBefore([], "w")).toBe(0);
});

function entry(different: Partial<WatchEntry>): WatchEntry {
  return { what: "progress", atS: NOW_S, worker: "w", contract: 1, sign: "progress", reason: "", ...different };
}

test("work per hour comes from the totals of the last hour, of this contract alone", () => {
  const entries = [
    entry({ atS: NOW_S - 7200, total: 0 }),
    entry({ atS: NOW_S - 1800, total: 1000 }),
    entry({ atS: NOW_S - 900, total: 9, contract: 2 }),
    entry({ atS: NOW_S, total: 1500 }),
  ];
  expect(unitsPerHourOf(entries, 1, NOW_S)).toBe(1000);
  expect(unitsPerHourOf(entries.slice(3), 1, NOW_S)).toBeNull();
});

test("an incident lasts from its first sign until its worker runs again, and costs what was billed meanwhile", () => {
  const entries = [
    entry({ what: "seen", sign: "progress", atS: NOW_S - 100 }),
    entry({ what: "seen", sign: "preempted", machine: 7 }),
    entry({ what: "relocate", sign: "preempted", atS: NOW_S + 60, after: { contract: 2 }, dphBefore: 0.6 }),
    entry({ what: "seen", sign: "boot", contract: 2, atS: NOW_S + 300 }),
    entry({ what: "alert", sign: "auth", contract: 2, atS: NOW_S + 900, reason: "a key is refused" }),
  ];
  const incidents = incidentsOf(entries);
  expect(incidents).toMatchObject([
    { sign: "preempted", contractBefore: 1, contractAfter: 2, beganS: NOW_S, endedS: NOW_S + 300, machine: 7 },
    { sign: "auth", endedS: undefined },
  ]);
  expect(incidents[0]?.cost).toBeCloseTo(0.05);
  const text = markdown({
    stack: "dev",
    prefix: undefined,
    range: { since: NOW_S, until: NOW_S + 3600 },
    incidents,
    outages: 1,
  });
  expect(text).toMatch(/2 incidents, 1 workers, \$0\.050 billed while they did not work, 1 not over/);
  expect(text).toMatch(/\*\*Root cause\*\*: it was outbid[\s\S]*\*\*Resolution\*\*: contract 2 instead of 1/);
  expect(text).toMatch(/Outages of the service\*\*: 1/);
});

test.each([
  ["preempted", "preemption"],
  ["offline", "preemption"],
  ["crashed", "crash"],
  ["gpu", "gpu"],
  ["no-cuda", "gpu"],
  ["progress", undefined],
] as const)("recover takes %s for %s", (sign, type) => {
  expect(typeOf(sign)).toBe(type);
});
