import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decide } from "../../../../operator/watch/decide.ts";
import { DEFAULT_PATTERNS, readLog } from "../../../../operator/watch/log.ts";
import { Memory, type WatchEntry, type WorkerMemory } from "../../../../operator/watch/memory.ts";
import { RULES, ruleFor } from "../../../../operator/watch/rules.ts";
import { readWatchSettings } from "../../../../operator/watch/settings.ts";
import { type Sign, signOf, type WatchedWorker } from "../../../../operator/watch/sight.ts";
import type { InstanceRow } from "../../../../provider/api/instances.ts";
import { instanceRow } from "../../../support/rows.ts";

const SETTINGS = readWatchSettings(undefined);
const NOW_S = 1_800_000_000;
const MINUTE = 60;
const CONTRACT = 4711;

/** A worker whose contract's row differs from a healthy one's as told. */
function worker(row: Partial<InstanceRow> | undefined, inputs: Record<string, unknown> = {}): WatchedWorker {
  return {
    name: "trainer-worker-0",
    fleet: "trainer",
    urn: "urn",
    inputs: { state: "running", onOffline: "park", ...inputs } as WatchedWorker["inputs"],
    contract: CONTRACT,
    row:
      row === undefined
        ? undefined
        : instanceRow({
            id: CONTRACT,
            machine_id: 7,
            actual_status: "running",
            intended_status: "running",
            cur_state: "running",
            gpu_util: 90,
            gpu_ram: 12_000,
            dph_total: 0.3,
            ...row,
          }),
  };
}

const CRASHED = { actual_status: "exited" };
const NONE: WorkerMemory = { restarts: [], replacedS: [], alerts: [] };
const log = (...lines: string[]) => readLog(lines.join("\n"), DEFAULT_PATTERNS);

function decided(seen: WatchedWorker, text?: string, memory: Partial<WorkerMemory> = {}) {
  const reading = text === undefined ? undefined : log(text);
  return decide({ worker: seen, log: reading }, { ...NONE, ...memory }, NOW_S, SETTINGS);
}
const since = (sign: Sign, secondsAgo: number): Partial<WorkerMemory> => ({
  seen: { contract: CONTRACT, sign, sinceS: NOW_S - secondsAgo },
});

test("every sign has one rule", () => {
  expect(new Set(RULES.map(({ sign }) => sign)).size).toBe(RULES.length);
});

describe("what helps at once", () => {
  test.each<[string, WatchedWorker, string | undefined, Sign, string]>([
    [
      "what the stack wants stopped is left",
      worker({ ...CRASHED }, { state: "stopped" }),
      undefined,
      "asleep",
      "leave",
    ],
    ["what is past its expiry is left", { ...worker(CRASHED), expiry: NOW_S - 1 }, undefined, "past-expiry", "leave"],
    [
      "what costs more than maxDph is replaced",
      worker({ dph_total: 0.51 }, { offer: { maxDph: 0.5 } }),
      undefined,
      "over-price",
      "replace",
    ],
    ["what is gone is rented again", worker(undefined), undefined, "gone", "relocate"],
    ["an offline host's contract is parked", worker({ actual_status: "offline" }), undefined, "offline", "relocate"],
    [
      "an outbid worker goes on elsewhere",
      worker({ actual_status: "exited", intended_status: "stopped", cur_state: "stopped", is_bid: true }),
      undefined,
      "preempted",
      "relocate",
    ],
    [
      "an ended contract is rented anew",
      worker({ actual_status: "exited", intended_status: "stopped", cur_state: "stopped", duration: -5 }),
      undefined,
      "expired",
      "relocate",
    ],
    ["a crashed worker is restarted", worker(CRASHED), "ValueError: x", "crashed", "restart"],
    [
      "a stopped worker is started",
      worker({ actual_status: "exited", intended_status: "stopped", cur_state: "stopped" }),
      undefined,
      "stopped",
      "restart",
    ],
    ["a refused key alerts", worker(CRASHED), "401 Client Error: Unauthorized", "auth", "alert"],
    ["a refused key alerts while it runs", worker({}), "403 Forbidden", "auth", "alert"],
    [
      "an image that cannot be had alerts",
      worker({ actual_status: "loading", gpu_util: null, status_msg: "manifest for a:b not found" }),
      undefined,
      "image",
      "alert",
    ],
    [
      "a host that cannot make the container is replaced",
      worker({ actual_status: "created", gpu_util: null, status_msg: "OCI runtime create failed" }),
      undefined,
      "host-error",
      "replace",
    ],
    ["what ended out of GPU memory is replaced", worker(CRASHED), "CUDA out of memory", "oom", "replace"],
    [
      "a host without CUDA is replaced",
      worker(CRASHED),
      "RuntimeError: No CUDA GPUs are available",
      "no-cuda",
      "replace",
    ],
    ["a failed GPU is replaced", worker({}), "GPU is lost", "gpu", "replace"],
    [
      "a host that lost the container is replaced",
      worker({ actual_status: "loading", gpu_util: null, status_msg: "Error response from daemon: No such container" }),
      undefined,
      "no-container",
      "replace",
    ],
    [
      "a host that forwards no SSH is replaced",
      worker({ actual_status: "loading", gpu_util: null, status_msg: "Error: remote port forwarding failed" }),
      undefined,
      "ssh-forwarding",
      "replace",
    ],
    ["a worker without anything wrong is left", worker({}), undefined, "running", "leave"],
  ])("%s", (_, seen, text, sign, repair) => {
    expect(decided(seen, text)).toMatchObject({ sign, repair });
  });
});

describe("what has to last", () => {
  test.each<[string, WatchedWorker, string | undefined, Sign, number]>([
    ["a fatal error for 5 minutes", worker({}), "ValueError: x", "fatal", 5 * MINUTE],
    ["out of GPU memory, still running, for 5 minutes", worker({}), "CUDA out of memory", "oom", 5 * MINUTE],
    ["SETUP for 10 minutes", worker({}), "git installed", "setup", 10 * MINUTE],
    ["a log without a line for 10 minutes", worker({}), "", "setup", 10 * MINUTE],
    ["BOOT for 10 minutes", worker({ actual_status: "loading" }), undefined, "boot", 10 * MINUTE],
    ["no progress in WAIT for 15 minutes", worker({}), "Model loaded (step 1)", "progress", 15 * MINUTE],
    [
      "a queued start for 2 minutes",
      worker({ actual_status: "exited", cur_state: "stopped" }),
      undefined,
      "queued",
      2 * MINUTE,
    ],
  ])("%s", (_, seen, text, sign, seconds) => {
    expect(decided(seen, text, since(sign, seconds - 1))).toMatchObject({ sign, repair: "leave", dueS: NOW_S + 1 });
    expect(decided(seen, text, since(sign, seconds))).toMatchObject({ sign, repair: "replace" });
  });

  test("the first boot counts from the rental, so that a monitor that was just started waits no longer", () => {
    const booting = worker({ actual_status: "loading", gpu_util: null, start_date: NOW_S - 11 * MINUTE });
    expect(decided(booting).repair).toBe("replace");
    // Its metrics say that it has run: this boot began when nobody knows.
    const again = worker({ actual_status: "loading", gpu_util: 50, start_date: NOW_S - 11 * MINUTE });
    expect(decided(again).repair).toBe("leave");
  });

  test("work that goes on is progress, and the same line as a quarter of an hour ago is none", () => {
    const long = since("progress", 60 * MINUTE);
    const line = "step 100 loss 1";
    expect(decided(worker({}), line, long).repair).toBe("leave");
    const stuck = { ...long, progress: { contract: CONTRACT, line, atS: NOW_S - 15 * MINUTE } };
    expect(decided(worker({}), line, stuck)).toMatchObject({ sign: "progress", repair: "replace" });
    expect(decided(worker({}), "step 101 loss 1", stuck).repair).toBe("leave");
  });

  test("lines that no pattern knows raise an alert and cost no machine", () => {
    expect(decided(worker({}), "hello", since("unknown-log", 15 * MINUTE))).toMatchObject({ repair: "alert" });
  });
});

describe("one restart, then another machine", () => {
  const restarted = (secondsAgo: number) => ({ restarts: [{ contract: CONTRACT, atS: NOW_S - secondsAgo }] });

  test("a worker that ends again within the hour is replaced", () => {
    expect(decided(worker(CRASHED), undefined, restarted(20 * MINUTE))).toMatchObject({ repair: "replace" });
  });

  test("an hour of work earns another restart, and so does another contract", () => {
    expect(decided(worker(CRASHED), undefined, restarted(61 * MINUTE)).repair).toBe("restart");
    const other = { restarts: [{ contract: 1, atS: NOW_S - 60 }] };
    expect(decided(worker(CRASHED), undefined, other).repair).toBe("restart");
  });
});

describe("what the next machine has to be like", () => {
  test("a dud's machine is excluded, an outbid or expensive one's is not", () => {
    for (const { sign, excludeMachine } of RULES)
      expect([sign, excludeMachine ?? false]).toEqual([sign, EXCLUDING.includes(sign)]);
    expect(decided(worker(CRASHED), "No CUDA")).toMatchObject({ excludeMachine: 7 });
  });
  const EXCLUDING: Sign[] = [
    "host-error",
    "no-cuda",
    "gpu",
    "no-container",
    "ssh-forwarding",
    "boot",
    "setup",
    "progress",
  ];

  test("out of GPU memory asks for more than this card has, and than was asked for", () => {
    expect(decided(worker(CRASHED), "CUDA out of memory")).toMatchObject({ minVramGb: 13 });
    const asked = worker(CRASHED, { offer: { gpu: ["RTX 3090"], minVramGb: 23 } });
    expect(decided(asked, "CUDA out of memory")).toMatchObject({ minVramGb: 24 });
  });

  test("where no machine has more, one that ran out of GPU memory is started again once, and then alerts", () => {
    const [gone, runs] = [worker(CRASHED), worker({})];
    const look = (seen: WatchedWorker, memory: Partial<WorkerMemory>) =>
      decide({ worker: seen, log: log("CUDA out of memory"), larger: false }, { ...NONE, ...memory }, NOW_S, SETTINGS);
    expect(look(gone, {})).toMatchObject({ repair: "restart", sign: "oom" });
    expect(look(gone, {}).minVramGb).toBeUndefined();
    const restarts = [{ contract: CONTRACT, atS: NOW_S - 5 * MINUTE }];
    expect(look(gone, { restarts })).toMatchObject({ repair: "alert", reason: expect.stringContaining("no machine") });
    expect(look(runs, since("oom", 6 * MINUTE)).repair).toBe("alert");
  });

  test("a volume binds its worker to the machine, so that one is not excluded", () => {
    const bound = worker(CRASHED, { volume: { id: 1, machineId: 7, mountPath: "/data" } });
    expect(decided(bound, "No CUDA").excludeMachine).toBeUndefined();
  });
});

describe("what only a person can decide", () => {
  test("without onOffline park an offline host is waited for", () => {
    const waiting = worker({ actual_status: "offline" }, { onOffline: "block" });
    expect(decided(waiting)).toMatchObject({ repair: "alert", reason: expect.stringContaining('onOffline: "park"') });
  });

  test('onInterruption "fail" holds for the watch too', () => {
    const outbid = { actual_status: "exited", intended_status: "stopped", cur_state: "stopped", is_bid: true };
    expect(decided(worker(outbid, { onInterruption: "fail" })).repair).toBe("alert");
  });

  test("the fourth replacement within an hour is an alert, whatever asks for it", () => {
    const replaced = (...minutesAgo: number[]) => ({ replacedS: minutesAgo.map((m) => NOW_S - m * MINUTE) });
    for (const [seen, text] of [
      [worker(undefined), undefined],
      [worker(CRASHED), "No CUDA"],
      [worker({ dph_total: 9 }, { offer: { maxDph: 1 } }), undefined],
    ] as const) {
      expect(decided(seen, text, replaced(50, 30, 10)).repair).toBe("alert");
      expect(["replace", "relocate"]).toContain(decided(seen, text, replaced(61, 30, 10)).repair);
    }
  });
});

const anyRow = fc.record({
  actual_status: fc.constantFrom(null, "created", "loading", "running", "exited", "stopped", "offline", "rebooting"),
  intended_status: fc.constantFrom("running", "stopped"),
  cur_state: fc.constantFrom("running", "stopped"),
  status_msg: fc.constantFrom("", "No such container", "manifest for a:b not found", "OCI runtime create failed"),
  is_bid: fc.boolean(),
  gpu_util: fc.constantFrom(null, 0, 95),
  duration: fc.constantFrom(-1, 3600),
  dph_total: fc.constantFrom(0.2, 0.9),
});
const anyText = fc.constantFrom(
  undefined,
  "",
  "git installed",
  "step 1",
  "ValueError: x",
  "CUDA out of memory",
  "401 Unauthorized",
  "hello",
);
const anyMemory = fc.record({
  seen: fc.option(
    fc.record({
      contract: fc.constantFrom(CONTRACT, 1),
      sign: fc.constantFrom(...RULES.map(({ sign }) => sign)),
      sinceS: fc.integer({ min: NOW_S - 7200, max: NOW_S }),
    }),
    { nil: undefined },
  ),
  restarts: fc.array(
    fc.record({ contract: fc.constant(CONTRACT), atS: fc.integer({ min: NOW_S - 7200, max: NOW_S }) }),
    {
      maxLength: 3,
    },
  ),
  replacedS: fc.array(fc.integer({ min: NOW_S - 7200, max: NOW_S }), { maxLength: 5 }),
});

test("whatever is seen: nothing asleep is touched, auth and images never respawn, three replacements an hour are the most", () => {
  fc.assert(
    fc.property(anyRow, anyText, anyMemory, fc.constantFrom("running", "stopped"), (row, text, memory, state) => {
      const { seen, ...rest } = memory;
      const decision = decided(worker(row, { state, offer: { maxDph: 0.5 } }), text, seen ? { seen, ...rest } : rest);
      const changes = !["leave", "alert"].includes(decision.repair);
      if (state === "stopped") expect(decision.repair).toBe("leave");
      if (decision.sign === "auth" || decision.sign === "image") expect(changes).toBe(false);
      const lately = memory.replacedS.filter((atS) => atS > NOW_S - 3600).length;
      if (lately >= 3) expect(["leave", "alert", "restart"]).toContain(decision.repair);
      if (decision.repair === "restart") expect(memory.restarts.filter(({ atS }) => atS > NOW_S - 3600)).toEqual([]);
      if (decision.dueS !== undefined) expect(decision.dueS).toBeGreaterThan(NOW_S);
      expect(ruleFor(decision.sign)).toBeDefined();
    }),
    { numRuns: 2000 },
  );
});

test("what a log does not show, is not concluded: a running worker whose log cannot be had is left", () => {
  expect(signOf({ worker: worker({}), log: undefined }, DEFAULT_PATTERNS, NOW_S)).toBe("running");
});

describe("memory", () => {
  const entry = (different: Partial<WatchEntry>): WatchEntry => ({
    what: "seen",
    atS: NOW_S,
    worker: "w",
    contract: 1,
    sign: "progress",
    reason: "",
    ...different,
  });

  test("counts a replacement once, whether the repair or a later look tells of it", () => {
    const memory = new Memory([
      entry({}),
      entry({ what: "replace", sign: "oom", after: { contract: 2 } }),
      entry({ contract: 2 }),
      entry({ contract: 3, atS: NOW_S + 5 }),
    ]);
    expect(memory.of("w").replacedS).toEqual([NOW_S, NOW_S + 5]);
  });

  test("remembers a restart that failed, and lets what is seen after one begin anew", () => {
    const memory = new Memory([
      entry({ sign: "crashed" }),
      entry({ what: "restart", sign: "crashed", error: "refused" }),
    ]);
    expect(memory.of("w")).toMatchObject({ restarts: [{ contract: 1, atS: NOW_S }], replacedS: [] });
    expect(memory.of("w").seen).toBeUndefined();
  });
});
