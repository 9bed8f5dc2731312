import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { parseArguments } from "../../tools/setup/arguments.mjs";
import { run } from "../../tools/setup/commands.mjs";
import { isAbandoned, withLock } from "../../tools/setup/lock.mjs";
import { cannotBeHad, commandFailed, SetupError } from "../../tools/setup/messages.mjs";
import { isInstalled } from "../../tools/setup/packages.mjs";
import { cached, cacheFolder, firstOf, makeFolder, provide } from "../../tools/setup/sources.mjs";
import { countTests, failedTests, unsteadyTests } from "../../tools/setup/test-report.mjs";
import {
  ENGINE_VERSION,
  goToolchain,
  isAtLeast,
  LANGUAGE_HOST_VERSION,
  REDIS_SERVER_VERSION,
  S3_SERVER_VERSION,
  whyNotSuitable,
} from "../../tools/setup/versions.mjs";

const nothing = (name: string) => ({ name, get: () => ({ why: "there is none" }) });
const bin = (name: string) => ({ name, get: () => ({ bin: name }) });

/** Above the highest pid that Linux and macOS give out. */
const DEAD_PID = 2 ** 22 + 1;

function emptyCache() {
  const folder = mkdtempSync(join(tmpdir(), "set-up-"));
  vi.stubEnv("PULUMI_VAST_CACHE", folder);
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  return folder;
}

describe("a pulumi found on PATH", () => {
  const complete = { version: "v3.230.0", host: true, hostVersion: "v3.230.0", dynamicShim: true, policyShim: false };

  test("is used when it is a complete official release", () => {
    expect(whyNotSuitable(complete)).toBeUndefined();
  });

  test("is used up to 3.220 when it has the shim for policy packs, whatever its host is", () => {
    const built = { ...complete, version: "v3.220.0", hostVersion: undefined };
    expect(whyNotSuitable({ ...built, policyShim: true })).toBeUndefined();
    expect(whyNotSuitable(built)).toContain("pulumi-analyzer-policy");
  });

  test("is refused from 3.221 on when its host cannot start policy packs", () => {
    expect(whyNotSuitable({ ...complete, hostVersion: undefined, policyShim: true })).toContain(
      "too old to run policy",
    );
    expect(whyNotSuitable({ ...complete, hostVersion: "v3.68.0" })).toContain("too old to run policy packs");
  });

  test.each([
    ["an old release", { version: "v3.199.9" }, "older than 3.200.0"],
    ["another major version", { version: "v4.0.0" }, "version 3 is needed"],
    ["something that is no Pulumi", { version: "hello" }, 'its version is "hello"'],
    ["an engine without the Node.js host", { host: false }, "without pulumi-language-nodejs"],
    ["an engine without dynamic providers", { dynamicShim: false }, "without pulumi-resource-pulumi-nodejs"],
  ])("is refused when it is %s", (_, difference, reason) => {
    expect(whyNotSuitable({ ...complete, ...difference })).toContain(reason);
  });
});

test("versions are compared by number, wherever they stand in the text", () => {
  expect(isAtLeast("go version go1.26.8 linux/amd64", "1.25.0")).toBe(true);
  expect(isAtLeast("v3.68.0", "3.221.0")).toBe(false);
  expect(isAtLeast("v3.221.0", "3.221")).toBe(true);
  expect(isAtLeast("none", "0.0.1")).toBe(false);
});

test.each([
  ["engine", `pulumi/pkg/v3 v${ENGINE_VERSION}`],
  ["language-host", `pulumi/sdk/v3 v${LANGUAGE_HOST_VERSION}`],
  ["s3-server", `versitygw v${S3_SERVER_VERSION}`],
  ["redis-server", `miniredis/v2 v${REDIS_SERVER_VERSION}`],
])("the version that names tools/%s in the cache is the one that is built", (folder, requirement) => {
  const module = readFileSync(new URL(`../../tools/${folder}/go.mod`, import.meta.url), "utf8");
  expect(module).toContain(`${requirement}\n`);
});

test("an old Go may fetch a newer one if it can, and only then", () => {
  expect(goToolchain("go version go1.26.8 linux/amd64", "1.25.0")).toBe("local");
  expect(goToolchain("go version go1.22.1 linux/amd64", "1.25.0")).toBe("auto");
  expect(goToolchain("go version go1.19 linux/amd64", "1.25.0")).toBeUndefined();
});

describe("the order of sources", () => {
  test("the first that delivers wins, and those behind it are not tried", async () => {
    const never = { name: "build", get: () => expect.unreachable("built although there was one") };
    expect(await firstOf([nothing("PATH"), bin("cache"), never])).toEqual({ found: { bin: "cache" } });
  });

  test("a part on PATH counts as found without a folder of its own", async () => {
    expect(await firstOf([{ name: "PATH", get: () => ({ bin: undefined }) }, bin("cache")])).toEqual({
      found: { bin: undefined },
    });
  });

  test("whoever waited for another set-up looks again before building", async () => {
    emptyCache();
    let built = 0;
    const there = [{ name: "cache", get: () => (built > 0 ? { bin: "cache" } : { why: "nothing" }) }];
    const make = [{ name: "build", get: async () => ({ bin: `build ${++built}` }) }];
    const part = { what: "The engine", lock: "engine.lock", there, make, ways: [] };
    expect(await Promise.all([provide(part), provide(part)])).toEqual([{ bin: "build 1" }, { bin: "cache" }]);
  });

  test("when nothing delivers, one message says what, why, and the ways to provide it", async () => {
    emptyCache();
    const failed = {
      name: "a build with Go",
      get: () => ({ why: commandFailed("go build", "exit code 1", ["no disk"]) }),
    };
    const part = { what: "The engine", lock: "l", there: [nothing("PATH")], make: [failed], ways: ["install it"] };
    const error = await provide(part).catch((reason) => reason);
    expect(error).toBeInstanceOf(SetupError);
    expect(error.message).toBe(
      [
        "The engine cannot be set up on this machine.",
        "",
        "  PATH: there is none",
        "  a build with Go: `go build` failed (exit code 1). Its last lines:",
        "    no disk",
        "",
        "Any one of these helps:",
        "  - install it",
      ].join("\n"),
    );
  });
});

test("a command that fails silently is not reported with an empty quotation", () => {
  expect(cannotBeHad("X", [{ source: "build", why: commandFailed("go", "ended by SIGKILL", []) }], [])).toContain(
    "build: `go` failed (ended by SIGKILL) without a message",
  );
});

test("a failed command is reported with its last lines, and without those that only show progress", async () => {
  const script = "echo downloading; echo broken >&2; exit 3";
  const failed = await run("sh", ["-c", script], { isProgress: (line) => line === "downloading" });
  expect(failed).toBe("`sh -c` failed (exit code 3). Its last lines:\nbroken");
  expect(await run("true", [])).toBeUndefined();
  expect(await run("no-such-command", [])).toContain("ENOENT");
});

describe("a lock", () => {
  const machine = { host: "here", isAlive: (pid: number) => pid === 1 };

  test("is kept while its process lives and gives signs of life", () => {
    expect(isAbandoned({ pid: 1, host: "here" }, 6_000, machine)).toBe(false);
    expect(isAbandoned({ pid: 2, host: "elsewhere" }, 6_000, machine)).toBe(false);
  });

  test("is abandoned when its process is gone, or silent for minutes", () => {
    expect(isAbandoned({ pid: 2, host: "here" }, 0, machine)).toBe(true);
    expect(isAbandoned({ pid: 1, host: "here" }, 121_000, machine)).toBe(true);
    expect(isAbandoned({ pid: 2, host: "elsewhere" }, 121_000, machine)).toBe(true);
  });

  test("that a killed set-up left is broken", async () => {
    const folder = emptyCache();
    const lock = join(folder, "a.lock");
    writeFileSync(lock, JSON.stringify({ pid: DEAD_PID, host: hostname() }));
    const waited = vi.fn();
    const holder = await withLock(lock, waited, async () => JSON.parse(readFileSync(lock, "utf8")));
    expect(holder).toEqual({ pid: process.pid, host: hostname() });
    expect(waited).not.toHaveBeenCalled();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("is held by one at a time, says once who is waited for, and is released after a failure", async () => {
    const lock = join(emptyCache(), "a.lock");
    const events: string[] = [];
    const first = withLock(
      lock,
      () => {},
      async () => {
        events.push("first begins");
        await new Promise((resolve) => setTimeout(resolve, 50));
        events.push("first ends");
        throw new Error("first fails");
      },
    );
    const second = withLock(
      lock,
      ({ pid }) => events.push(`waits for ${pid}`),
      async () => events.push("second"),
    );
    await expect(first).rejects.toThrow("first fails");
    await second;
    expect(events).toEqual(["first begins", `waits for ${process.pid}`, "first ends", "second"]);
  });
});

describe("the cache", () => {
  test("is where the user wants it", () => {
    expect(cacheFolder({ PULUMI_VAST_CACHE: "/prepared", XDG_CACHE_HOME: "/xdg" })).toBe("/prepared");
    expect(cacheFolder({ XDG_CACHE_HOME: "/xdg" })).toBe("/xdg/pulumi-vast");
    expect(cacheFolder({})).toMatch(/\/\.cache\/pulumi-vast$/);
  });

  test("gets a part when it is complete, and what an earlier attempt left is removed", async () => {
    const cache = emptyCache();
    const folder = cached("part-1.0.0");
    mkdirSync(`${folder}.draft-${DEAD_PID}/bin`, { recursive: true });
    const result = await makeFolder(folder, async (draft) => {
      expect(existsSync(folder)).toBe(false);
      writeFileSync(join(draft, "bin/part"), "");
      return undefined;
    });
    expect(result).toEqual({ bin: join(folder, "bin") });
    expect(readdirSync(cache)).toEqual([`part-1.0.0-${process.platform}-${process.arch}`]);
  });

  test("that cannot be written is named, with the ways round it", async () => {
    const file = join(emptyCache(), "file");
    writeFileSync(file, "");
    vi.stubEnv("PULUMI_VAST_CACHE", join(file, "cache"));
    const part = { what: "The engine", lock: "l", there: [nothing("PATH")], make: [], ways: ["install it"] };
    await expect(provide(part)).rejects.toThrow(/the cache folder: ENOTDIR.*\n\n.*\n {2}- install it/);
  });

  test("gets nothing of a part that failed half-way", async () => {
    const cache = emptyCache();
    const result = await makeFolder(cached("part-1.0.0"), async (draft) => {
      writeFileSync(join(draft, "bin/half"), "");
      return "no disk";
    });
    expect(result).toEqual({ why: "no disk" });
    expect(readdirSync(cache)).toEqual([]);
  });
});

describe("installed packages", () => {
  const root = { dependencies: { zod: "^4.0.0" } };
  const zod = { version: "4.1.0", integrity: "sha512-a" };
  const lockfile = {
    packages: {
      "": root,
      provider: { devDependencies: { vitest: "^5.0.0" } },
      "node_modules/provider": { link: true },
      "node_modules/zod": zod,
      "node_modules/for-another-platform": { version: "1.0.0", optional: true },
    },
  };
  const installed = { packages: { "node_modules/provider": { link: true }, "node_modules/zod": zod } };
  const manifests = { "": { name: "root", ...root }, provider: { devDependencies: { vitest: "^5.0.0" } } };

  test("are left alone when they are those of the lockfile", () => {
    expect(isInstalled(lockfile, installed, manifests)).toBe(true);
    expect(isInstalled(lockfile, installed, { ...manifests, provider: {} })).toBe(true);
  });

  test.each([
    ["there are none, or an install was interrupted", undefined, manifests],
    ["a package is missing", { packages: { "node_modules/provider": { link: true } } }, manifests],
    [
      "a package has another version",
      { packages: { ...installed.packages, "node_modules/zod": { ...zod, version: "4.0.9" } } },
      manifests,
    ],
    [
      "a package.json asks for something else",
      installed,
      { ...manifests, provider: { devDependencies: { vitest: "^6.0.0" } } },
    ],
  ])("are installed again when %s", (_, present, declared) => {
    expect(isInstalled(lockfile, present, declared)).toBe(false);
  });
});

describe("arguments", () => {
  test("behind the script's name belong to the script", () => {
    expect(parseArguments(["run", "demo:run", "--json", "out.json"])).toEqual({
      mode: "run",
      needs: ["node", "engine", "s3"],
      script: "demo:run",
      args: ["--json", "out.json"],
    });
    expect(parseArguments(["run", "demo:run", "--", "--needs"]).args).toEqual(["--needs"]);
  });

  test("say what a script needs, so that the simulator does not wait for an engine", () => {
    expect(parseArguments(["run", "--needs", "node", "simulator:run"])).toMatchObject({ needs: ["node"], args: [] });
    expect(parseArguments(["path", "--needs", "node,redis"])).toMatchObject({ mode: "path", needs: ["node", "redis"] });
  });

  test.each([["unknown"], ["run"], ["run", "--needs", "everything", "x"]])(
    "are refused with the usage: %s %s",
    (...argv) => {
      expect(() => parseArguments(argv.filter((word) => word !== undefined))).toThrow(/^Usage:/);
    },
  );
});

describe("the count of tests", () => {
  const file = (status: string, ...tests: string[]) => ({
    status,
    assertionResults: tests.map((result) => ({ status: result })),
  });

  test("names passed, failed and skipped ones", () => {
    const results = [file("passed", "passed", "skipped"), file("failed", "failed", "passed")];
    expect(countTests({ testResults: results })).toEqual({ passed: 2, failed: 1, skipped: 1 });
  });

  test("holds a file that could not be loaded for a failure", () => {
    expect(countTests({ testResults: [file("failed")] })).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });

  test("says which test passed on a second try only", () => {
    const assertionResults = [
      { status: "passed", fullName: "rents once", failureMessages: [] },
      { status: "passed", fullName: "destroys", failureMessages: ["Error: late"] },
      { status: "failed", fullName: "reads", failureMessages: ["Error: never"] },
    ];
    expect(unsteadyTests({ testResults: [{ name: "a.test.ts", assertionResults }] })).toEqual([
      "a.test.ts: destroys\n    Error: late",
    ]);
  });

  test("says which test failed and with what", () => {
    const assertionResults = [
      { status: "passed", fullName: "rents once" },
      { status: "failed", fullName: "destroys", failureMessages: ["AssertionError: 2 is not 1\n    at there"] },
    ];
    expect(failedTests({ testResults: [{ name: "a.test.ts", status: "failed", assertionResults }] })).toEqual([
      "a.test.ts: destroys\n    AssertionError: 2 is not 1\n        at there",
    ]);
    const unloaded = { name: "b.test.ts", status: "failed", message: "SyntaxError", assertionResults: [] };
    expect(failedTests({ testResults: [unloaded] })).toEqual(["b.test.ts\n    SyntaxError"]);
    const long = Array.from({ length: 100 }, (_, line) => `line ${line}`).join("\n");
    const [told = ""] = failedTests({ testResults: [{ ...unloaded, message: long }] });
    expect(told.split("\n")).toHaveLength(32);
    expect(told).toMatch(/line 0\n[\s\S]*…[\s\S]*line 99$/);
  });
});
