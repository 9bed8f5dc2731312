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

process.on("message", (order: { collect: boolean }) => {
  if (order.collect) globalThis.gc?.();
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
