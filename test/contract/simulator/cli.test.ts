import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";

const ROOT = new URL("../../../", import.meta.url).pathname;

interface Ready {
  url: string;
  adminUrl: string;
  adminToken: string;
  pageUrl: string;
}

/** A command of the workspace that prints the ready line. */
async function start(command: string, args: string[]): Promise<{ child: ChildProcess; ready: Ready }> {
  // npm's own variables would make npx take the folder of whoever runs the tests.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")));
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    if (line.startsWith("{")) return { child, ready: JSON.parse(line) };
  }
  throw new Error(`${command} ${args.join(" ")} ended without a ready line`);
}

async function stopsAnswering(url: string): Promise<void> {
  await expect
    .poll(
      () =>
        fetch(url).then(
          () => "answers",
          () => "gone",
        ),
      { timeout: 20_000 },
    )
    .toBe("gone");
}

test("npx vast-simulator says where it listens, and ends with its npx", async () => {
  const { child, ready } = await start("npx", ["vast-simulator", "--api-key", "k", "--offers", "50"]);
  expect((await fetch(`${ready.url}/api/v0/users/current/?api_key=k`)).status).toBe(200);
  expect((await fetch(ready.pageUrl)).status).toBe(200);
  child.kill("SIGTERM");
  await stopsAnswering(ready.url);
});

test("SIGTERM ends it with exit code 0", async () => {
  const { child, ready } = await start(process.execPath, ["simulator/cli.ts", "--api-key", "k", "--no-ssh"]);
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
  await stopsAnswering(ready.url);
});

test("--no-rate-limits answers however fast the calls follow each other", async () => {
  const { ready } = await start(process.execPath, ["simulator/cli.ts", "--api-key", "k", "--no-rate-limits"]);
  const list = async () => (await fetch(`${ready.url}/api/v1/instances/?api_key=k`)).status;
  expect([await list(), await list(), await list()]).toEqual([200, 200, 200]);
});

test.each([
  [["--port", "70000"], /expected a port between 0 and 65535/],
  [["--speed", "0"], /expected a number above 0/],
  [["--market", "wild"], /Allowed choices are calm, live/],
])("%j is refused with what was expected", async (args, message) => {
  const child = spawn(process.execPath, ["simulator/cli.ts", "--api-key", "k", ...args], { cwd: ROOT });
  let said = "";
  child.stderr.on("data", (data: Buffer) => {
    said += data.toString();
  });
  const [code] = await once(child, "close");
  expect(code).toBe(1);
  expect(said).toMatch(message);
});

test("every option of --help is in docs/simulator.md, and no other", async () => {
  const child = spawn(process.execPath, ["simulator/cli.ts", "--help"], { cwd: ROOT });
  let help = "";
  child.stdout.on("data", (data: Buffer) => {
    help += data.toString();
  });
  await once(child, "close");
  const options = [...help.matchAll(/^\s+(?:-\w, )?(--[\w-]+)/gm)].map(([, name]) => name);
  const page = readFileSync(`${ROOT}docs/simulator.md`, "utf8");
  const table = page.split("## Options")[1]?.split("\n## ")[0] ?? "";
  const documented = [...table.matchAll(/^\| `(--[\w-]+)/gm)].map(([, name]) => name);
  expect(documented.sort()).toEqual(options.filter((name) => name !== "--help").sort());
});
