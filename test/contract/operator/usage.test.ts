import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";

const MAIN = join(import.meta.dirname, "../../../operator/main.ts");
const vastFleet = (...args: string[]) => execa(process.execPath, [MAIN, ...args], { reject: false, stdin: "ignore" });

test("every command explains itself with examples and its exit codes", async () => {
  const { stdout, exitCode } = await vastFleet("--help");
  expect(exitCode).toBe(0);
  const commands = [...stdout.matchAll(/^ {2}([a-z-]+) \[options\]/gm)].map(([, name]) => name ?? "");
  expect(commands).toEqual(expect.arrayContaining(["status", "plan", "up", "scale", "down", "reconcile", "kill"]));
  for (const command of commands) {
    const help = await vastFleet(command, "--help");
    expect(help.exitCode).toBe(0);
    expect(help.stdout).toMatch(/Examples:\n {2}vast-fleet [\s\S]*Exit code: 0/);
  }
});

test.each([
  ["an unknown command", ["reconsile"], /unknown command 'reconsile'/],
  ["an unknown option", ["status", "--frobnicate"], /unknown option '--frobnicate'/],
  ["an id that is none", ["reconcile", "--destroy", "trainer-0"], /no contract or volume id/],
  ["a reason that says nothing", ["reconcile", "--destroy", "--waive", "because"], /at least 10 characters/],
  [
    "a reason and folders at once",
    ["reconcile", "--destroy", "--waive", "nothing of value", "--paths", "/out"],
    /one or the other/,
  ],
  ["a number of workers that is none", ["monitor", "four"], /is no number of workers/],
  ["two ways to end at once", ["monitor", "4", "--keep", "--tear-down"], /exclude each other/],
  ["an incident that is another command's", ["recover", "w-0", "--type", "billing"], /Allowed choices are/],
  ["a number of workers for up that is none", ["up", "four"], /is no number of workers/],
  ["a size without a fleet", ["scale", "4"], /is not like trainer=4/],
  ["more workers than anybody rents", ["replenish", "1001"], /is no number of workers/],
  ["a log of no lines", ["logs", "trainer-worker-0", "--tail", "0"], /is no number of lines/],
  ["a prefix with the whole account", ["kill", "zeb", "--account", "me@example.com"], /everything at once/],
  ["a way to destroy without a destroy", ["reconcile", "--target", "results"], /without it they mean nothing/],
])("%s is wrong usage, told before anything is asked of anybody", async (_, args, message) => {
  const { exitCode, stderr, stdout } = await vastFleet(...args);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stdout).toBe("");
  expect(exitCode).toBe(2);
});

test.each(["bash", "zsh", "fish"])("commands and options are completed in %s", async (shell) => {
  expect((await vastFleet("completion", shell)).stdout).toMatch(/vast-fleet/);
  const { stdout } = await vastFleet("complete", "--", "re");
  expect(stdout).toMatch(/^reconcile\t/m);
  expect(stdout).toMatch(/^replenish\t/m);
});
