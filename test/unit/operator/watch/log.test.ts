import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_PATTERNS, FATAL_KINDS, readLog } from "../../../../operator/watch/log.ts";
import { readWatchSettings } from "../../../../operator/watch/settings.ts";

const read = (...lines: string[]) => readLog(lines.join("\n"), DEFAULT_PATTERNS);

const STARTUP = [
  "=== Setup started at Thu Feb  6 12:00:00 UTC 2026 ===",
  "git installed",
  "repo cloned",
  "deps installed",
];
const STARTED = [
  "GPU OK: NVIDIA GeForce RTX 3070",
  "=== Starting worker worker-vast-0 at Thu Feb  6 12:02:30 UTC 2026 ===",
  "  Model loaded (step 142), 557,186 params",
];
const BATCH = "[worker-vast-0] batch 2: 7168 examples, 1.5 games/s, step=142, total_games=512";

describe("the phase that a worker's log shows", () => {
  test("a log without a line says nothing at all", () => {
    expect(read("").phase).toBe("EMPTY");
  });

  test("git, clone and pip are SETUP", () => {
    expect(read(...STARTUP).phase).toBe("SETUP");
    expect(read("Collecting torch==2.7.0").phase).toBe("SETUP");
  });

  test("a worker that loads its model is in WAIT, and the step of its model is no progress", () => {
    expect(read(...STARTUP, ...STARTED)).toMatchObject({ phase: "WAIT", progress: undefined });
  });

  test("a line of work is RUNNING, with its units, total, step and rate", () => {
    expect(read(...STARTUP, ...STARTED, BATCH)).toMatchObject({
      phase: "RUNNING",
      progress: { units: 2, total: 512, step: 142, rate: 1.5 },
    });
  });

  test("a trainer's step counts as progress without any configuration", () => {
    expect(read("step 4200 loss 1.93").progress).toMatchObject({ step: 4200 });
  });

  test("a container that started again is in SETUP, whatever it did before", () => {
    expect(read(...STARTED, BATCH, "RuntimeError: boom", ...STARTUP)).toMatchObject({
      phase: "SETUP",
      fatal: undefined,
    });
  });

  test("lines that no pattern knows are told from silence", () => {
    expect(read("hello").phase).toBe("UNKNOWN");
  });
});

describe("what a log says is wrong", () => {
  test.each([
    ["oom", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."],
    ["no-cuda", "RuntimeError: No CUDA GPUs are available"],
    ["no-cuda", "The NVIDIA driver on your system is too old: CUDA driver version is insufficient"],
    ["gpu", "RuntimeError: CUDA error: uncorrectable ECC error encountered"],
    ["gpu", "Unable to determine the device handle for GPU0: GPU is lost"],
    ["auth", "huggingface_hub.errors.HfHubHTTPError: 401 Client Error: Unauthorized for url"],
    ["auth", "403 Forbidden: you need write access"],
    ["image", "docker: manifest for acme/trainer:9 not found: manifest unknown"],
    ["no-container", "Error response from daemon: No such container: C.42"],
    ["ssh-forwarding", "Error: remote port forwarding failed for listen port 41022"],
    ["fatal", "ValueError: bad shape"],
    ["fatal", "OSError: [Errno 28] No space left on device"],
  ])("%s: %s", (kind, line) => {
    expect(read(BATCH, line).fatal).toEqual({ kind, line });
  });

  test("of a traceback, what it was about is kept, not the exception that followed", () => {
    const lines = [
      "Traceback (most recent call last):",
      "torch.OutOfMemoryError: CUDA out of memory.",
      "RuntimeError: x",
    ];
    expect(read(...lines).fatal?.kind).toBe("oom");
  });

  test("a worker that goes on after an exception is well", () => {
    expect(read("httpx.ReadTimeout: ", "HTTPError: 412 Precondition Failed", BATCH).fatal).toBeUndefined();
  });
});

describe("configured patterns", () => {
  test("replace those of their kind and leave the others", () => {
    const { patterns } = readWatchSettings(JSON.stringify({ patterns: { progress: ["(?<units>\\d+) jobs done"] } }));
    expect(readLog("17 jobs done", patterns).progress).toMatchObject({ units: 17 });
    expect(readLog(BATCH, patterns).progress).toBeUndefined();
    expect(readLog("CUDA out of memory", patterns).fatal?.kind).toBe("oom");
  });

  test("an expression that is none, and a key that does not exist, name themselves", () => {
    expect(() => readWatchSettings('{"patterns": {"oom": ["("]}}')).toThrow(
      /pulumi-vast:watch[\s\S]*regular expression/,
    );
    expect(() => readWatchSettings('{"evry": {}}')).toThrow(/evry/);
    expect(() => readWatchSettings("{")).toThrow(/not JSON/);
  });
});

test("any text can be read, and the last line of work decides that nothing is fatal", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (lines) => {
      const reading = read(...lines, BATCH);
      expect(reading).toMatchObject({ phase: "RUNNING", fatal: undefined });
      const kind = read(...lines).fatal?.kind;
      expect(kind === undefined || FATAL_KINDS.includes(kind)).toBe(true);
    }),
  );
});
