/**
 * Loaded into the simulator's process before it (node --import): answers how much memory and processor time that
 * process took, and ends it with the bench that started it. The simulator itself knows nothing of this.
 */
export interface Usage {
  rssBytes: number;
  /** After a full garbage collection, when one was asked for. */
  heapBytes: number;
  /** Everything outside the heap that the heap holds: buffers, and what libraries allocate. */
  externalBytes: number;
  cpuMs: number;
}

/** What finalizers and unwritten log lines hold on to is free only after they have had their turn. */
async function collect(): Promise<void> {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  globalThis.gc?.();
}

process.on("message", async (order: { collect: boolean }) => {
  if (order.collect) await collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const usage: Usage = {
    rssBytes: rss,
    heapBytes: heapUsed,
    externalBytes: external,
    cpuMs: (user + system) / 1000,
  };
  process.send?.(usage);
});
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.channel?.unref();
