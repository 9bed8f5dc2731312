import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Bench, bench, isRunning } from "./support.ts";

async function instance(vast: Bench, body: Record<string, unknown> = {}) {
  const id = await vast.rent(body);
  await vast.until(id, isRunning);
  const rows = (await vast.admin("GET", "/admin/instances")).body;
  const dir = rows.find((row: { id: number }) => row.id === id).dir as string;
  const write = (path: string, text: string, mtime = 1_792_999_000.25) =>
    vast.admin("POST", `/admin/instances/${id}/write`, { path, text, mtime });
  const execute = (command: string) => vast.call("PUT", `/api/v0/instances/command/${id}/`, { command });
  /** The output with the host's path stripped, as clients do. */
  const run = async (command: string): Promise<string> => {
    const answer = await execute(command);
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    await vast.step(3);
    const text = await (await fetch(answer.body.result_url)).text();
    return text.replaceAll(answer.body.writeable_path, "");
  };
  return { id, dir, write, execute, run };
}

test("execute answers where the result will be, and the result is there once the host has uploaded it", async () => {
  await using vast = await bench();
  const { execute, write } = await instance(vast);
  await write("/workspace/a.txt", "hello");
  const answer = await execute("ls -l /workspace");
  expect(answer.body).toMatchObject({
    success: true,
    writeable_path: expect.stringMatching(/^\//),
    msg: "Command is executing, wait a few seconds and then view the result_url",
  });
  expect((await fetch(answer.body.result_url)).status).toBe(404);
  await vast.step(3);
  const result = await fetch(answer.body.result_url);
  expect(result.status).toBe(200);
  expect(await result.text()).toMatch(/^total \d+\n-rw-r--r-- 1 root root 5 .* a\.txt\n$/);
});

// The same options on the same files by the real programs: paths differ by what is in front of them.
test.each([
  ["ls -A /workspace"],
  ["ls -a1 /workspace"],
  ["ls -lAR --time-style=+%s /workspace"],
  ["ls -lAR --time-style=+%s --quoting-style=c /workspace"],
  ["ls -lAnQ --time-style=long-iso /workspace"],
  ["ls -l --full-time -h /workspace"],
  ["ls -lA --time-style=+%Y-%m-%dT%H:%M:%S.%N /workspace"],
  ["ls -R --quoting-style=escape /workspace"],
  ["ls -lt --time-style=full-iso /workspace/deep"],
  ["ls -lrS --time-style=+%s /workspace"],
  ["ls -ld --time-style=+%s /workspace"],
  ["ls -F /workspace"],
  ["ls /workspace/deep /workspace/plain.txt"],
  ["du -ab /workspace"],
  ["du -a --apparent-size -h /workspace"],
  ["du -sb /workspace"],
  ["du -ab --time --time-style=+%s /workspace"],
  ["du -b -d 1 /workspace"],
  ["du -k /workspace"],
  ["du -cb /workspace/deep /workspace/plain.txt"],
])("%s prints what the real program prints", async (command) => {
  await using vast = await bench();
  const { dir, write, run } = await instance(vast);
  await write("/workspace/plain.txt", "x".repeat(1500));
  await write("/workspace/.hidden", "h");
  await write('/workspace/odd "name"\nwith\tall.txt', "odd", 1_792_998_000);
  await write("/workspace/deep/deeper/step-000500.pt", "y".repeat(70_000), 1_792_997_000.123_456);
  await write("/workspace/deep/zero", "");
  // Directory times would differ by the order of writes alone.
  const [program, ...words] = command.split(" ");
  const real = execFileSync(
    program as string,
    words.map((word) => word.replace(/^\/workspace/, join(dir, "workspace"))),
    {
      env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
      encoding: "utf8",
    },
  ).replaceAll(dir, "");
  const byLine = (text: string): string[] => (program === "du" ? text.split("\n").sort() : text.split("\n"));
  expect(byLine(await run(command))).toEqual(byLine(real));
});

test("rm removes files, and directories when told to", async () => {
  await using vast = await bench();
  const { write, run } = await instance(vast);
  await write("/workspace/a.txt", "a");
  await write("/workspace/d/b.txt", "b");
  expect(await run("rm /workspace/d")).toBe("rm: cannot remove '/workspace/d': Is a directory\n");
  expect(await run("rm -r /workspace/d /workspace/a.txt")).toBe("");
  expect(await run("ls /workspace")).toBe("");
  expect(await run("rm /workspace/a.txt")).toBe("rm: cannot remove '/workspace/a.txt': No such file or directory\n");
  expect(await run("rm -rf /")).toMatch(/dangerous/);
});

test("patterns expand as in a shell", async () => {
  await using vast = await bench();
  const { write, run } = await instance(vast);
  for (const name of ["a.pt", "b.pt", "c.log"]) await write(`/workspace/${name}`, "x");
  expect(await run("ls /workspace/*.pt")).toBe("/workspace/a.pt\n/workspace/b.pt\n");
  expect(await run("rm /workspace/*.pt")).toBe("");
  expect(await run("ls /workspace")).toBe("c.log\n");
});

test("errors of the programs come as their own text", async () => {
  await using vast = await bench();
  const { run } = await instance(vast);
  expect(await run("ls /nowhere")).toBe("ls: cannot access '/nowhere': No such file or directory\n");
  expect(await run("ls --frobnicate /")).toMatch(/^ls: unrecognized option '--frobnicate'/);
  expect(await run("du -a -s /")).toBe("du: cannot both summarize and show all entries\n");
});

test.each([
  ["cat /etc/passwd"],
  ["ls; rm -rf /workspace"],
  ["ls $(whoami)"],
  ["ls | wc"],
  [""],
  ["x".repeat(513)],
  ["ls 'open"],
])("the command %j is refused", async (command) => {
  await using vast = await bench();
  const { execute } = await instance(vast);
  expect(await execute(command)).toMatchObject({
    status: 400,
    body: { error: "invalid_args", msg: "Invalid command given." },
  });
});

test("execute: 483 for a body that is no JSON, 400 for other people's containers", async () => {
  await using vast = await bench();
  const { id } = await instance(vast);
  const broken = await vast.call("PUT", `/api/v0/instances/command/${id}/`, "{broken");
  expect(broken).toMatchObject({ status: 483, body: { error: "invalid_args", msg: "Invalid json_body" } });
  const unknown = await vast.call("PUT", "/api/v0/instances/command/1/", { command: "ls" });
  expect(unknown).toMatchObject({ status: 400, body: { error: "invalid_container" } });
  const word = await vast.call("PUT", "/api/v0/instances/command/abc/", { command: "ls" });
  expect(word).toMatchObject({ status: 400, body: { error: "invalid_container_id" } });
});

test("a link that leads out of the disk is not followed", async () => {
  await using vast = await bench();
  const { dir, run } = await instance(vast);
  const { symlinkSync } = await import("node:fs");
  symlinkSync("/etc", join(dir, "workspace/escape"));
  writeFileSync(join(dir, "workspace/inside.txt"), "x");
  expect(await run("ls /workspace/escape/passwd")).toMatch(/Permission denied/);
});

test("execute works on a stopped instance", async () => {
  await using vast = await bench();
  const { id, write, run } = await instance(vast);
  await write("/workspace/a.txt", "a");
  await vast.call("PUT", `/api/v0/instances/${id}/`, { state: "stopped" });
  await vast.step(15);
  expect(await run("ls /workspace")).toBe("a.txt\n");
});

test("logs come through a result_url: the container's, the daemon's, the last lines, those that match", async () => {
  await using vast = await bench();
  const { id } = await instance(vast, { env: { VAST_SIM_WORKLOAD: "training", VAST_SIM_CHECKPOINT_SECONDS: "60" } });
  await vast.step(200);
  const logs = async (body: Record<string, unknown>): Promise<string[]> => {
    const answer = await vast.call("PUT", `/api/v0/instances/request_logs/${id}`, body);
    expect(answer.body).toMatchObject({ success: true, msg: expect.any(String) });
    await vast.step(3);
    return (await (await fetch(answer.body.result_url)).text()).trimEnd().split("\n");
  };
  expect((await logs({})).length).toBeGreaterThan(10);
  expect(await logs({ tail: "2" })).toHaveLength(2);
  expect(await logs({ filter: "saved" })).toEqual([
    "saved step-000500.pt",
    "saved step-001000.pt",
    "saved step-001500.pt",
  ]);
  expect((await logs({ daemon_logs: "true" })).join("\n")).toContain("pulling");
  const unknown = await vast.call("PUT", "/api/v0/instances/request_logs/1/", {});
  expect(unknown).toMatchObject({ status: 404, body: { error: "invalid_id" } });
  await vast.admin("POST", "/admin/accounts", { apiKey: "second" });
  const foreign = await vast.call("PUT", `/api/v0/instances/request_logs/${id}/`, {}, "second");
  expect(foreign).toMatchObject({ status: 403, body: { error: "not_authorized" } });
});
