import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Session } from "../../../operator/session.ts";
import { hasAbandonedLocks } from "../../../operator/stack/errors.ts";
import { lockFleet } from "../../../operator/watch/lock.ts";

/** Above the highest pid that Linux and macOS give out. */
const DEAD_PID = 2 ** 22 + 1;

/** What the engine says of a lock in a backend of files. */
const locked = (host: string, pid: number) =>
  `error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with \`pulumi cancel\`.
  file:///state/.pulumi/locks/organization/shop/dev/0c.json: created by me@${host} (pid ${pid}) at 2026-01-01T00:00:00Z`;

test("an update that was killed on this machine holds nobody up; one that runs, or ran elsewhere, does", () => {
  expect(hasAbandonedLocks(locked(hostname(), DEAD_PID))).toBe(true);
  expect(hasAbandonedLocks(locked(hostname(), process.pid))).toBe(false);
  expect(hasAbandonedLocks(locked(`not-${hostname()}`, DEAD_PID))).toBe(false);
  expect(hasAbandonedLocks(`${locked(hostname(), DEAD_PID)}\n${locked(hostname(), process.pid)}`)).toBe(false);
  expect(hasAbandonedLocks(locked(hostname(), DEAD_PID).replace("file:///", "s3://bucket/"))).toBe(false);
  expect(hasAbandonedLocks("[409] Conflict: Another update is currently in progress.")).toBe(false);
});

function fleetOf(folder: string): Pick<Session, "record" | "stack"> {
  return { record: { file: join(folder, "dev.jsonl") }, stack: { name: "dev" } } as unknown as Session;
}

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "fleet-lock-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("a fleet is watched by one monitor at a time, and by the next one once that has ended", async () => {
  const session = fleetOf(temporary());
  const first = await lockFleet(session, "trainer");
  await expect(lockFleet(session, "trainer")).rejects.toThrow(/watched already/);
  await using _other = await lockFleet(session, "another");
  await first[Symbol.asyncDispose]();
  await using _next = await lockFleet(session, "trainer");
});

test("a monitor that was killed here holds up no new one; one on another machine does", async () => {
  const folder = temporary();
  const file = join(folder, "dev.trainer.watch");
  mkdirSync(`${file}.lock`);
  writeFileSync(file, JSON.stringify({ host: "elsewhere", pid: DEAD_PID }));
  await expect(lockFleet(fleetOf(folder), "trainer")).rejects.toThrow(/watched already/);
  writeFileSync(file, JSON.stringify({ host: hostname(), pid: DEAD_PID }));
  await using _next = await lockFleet(fleetOf(folder), "trainer");
});
