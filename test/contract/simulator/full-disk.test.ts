import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bench, isRunning } from "./support.ts";

test("a worker whose disk is full dies again at its first line after a restart, and nothing fails inside", async () => {
  const dir = mkdtempSync(join(tmpdir(), "simulator-full-disk-"));
  const log = join(dir, "log");
  try {
    {
      await using vast = await bench({ log });
      const env = { VAST_SIM_WORKLOAD: "disk-full", VAST_SIM_CHECKPOINT_SECONDS: "10" };
      const id = await vast.rent({ env });
      const ended = (row: Record<string, unknown>) => row.actual_status === "exited";
      await vast.until(id, isRunning);
      await vast.until(id, ended);
      await vast.call("PUT", `/api/v0/instances/${id}/`, { state: "running" });
      await vast.step(60);
      await vast.until(id, ended);
      const events = (await vast.admin("GET", "/admin/events")).body as { kind: string }[];
      expect(events.filter(({ kind }) => kind === "workload-died").length).toBe(2);
    }
    const errors = readFileSync(log, "utf8")
      .split("\n")
      .filter((line) => line.includes('"level":50'));
    expect(errors).toEqual([]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
