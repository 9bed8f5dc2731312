import type { CopyDisk } from "./copy-disk.ts";
import { moveFromCloud, moveToCloud } from "./rclone.ts";
import type { Connection } from "./types.ts";
import type { World } from "./world.ts";

/** status_msg follows what happens by about this much (vast-api.md 5.2). */
const STATUS_DELAY_S = 30;
const PROGRESS_EVERY_S = 10;

export interface CopyRequest {
  direction: "to cloud" | "from cloud";
  connection: Connection;
  /** Path in the container, or in the volume. */
  localPath: string;
  bucket: string;
  /** Without leading slash. */
  key: string;
  flags: readonly string[];
  /** Asked for with `copy` (vast-api.md 5.1), which also cancels it. */
  direct?: boolean;
}

export interface CopyJob {
  id: number;
  disk: CopyDisk;
  request: CopyRequest;
  abort: AbortController;
  totalBytes: number;
  doneBytes: number;
  files: number;
  lastProgressAt: number;
  startedAt: number;
}

/** Queues a cloud copy; copies of one disk run one after the other. */
export function startCopy(world: World, disk: CopyDisk, request: CopyRequest): CopyJob {
  const job: CopyJob = {
    id: world.nextNumber("copy"),
    disk,
    request,
    abort: new AbortController(),
    totalBytes: 0,
    doneBytes: 0,
    files: 0,
    lastProgressAt: 0,
    startedAt: world.now,
  };
  const queue = world.copies.get(disk.name) ?? [];
  world.copies.set(disk.name, queue);
  queue.push(job);
  world.record("copy-queued", { ...subjectOf(disk), copy: job.id, direction: request.direction });
  if (queue.length === 1) launch(world, job);
  return job;
}

/** Answers how many copies were stopped. */
export function cancelCopies(
  world: World,
  diskName: string,
  reason: string,
  which: (request: CopyRequest) => boolean = () => true,
): number {
  const queue = world.copies.get(diskName) ?? [];
  const stopped = queue.filter((job) => which(job.request));
  for (const job of stopped) {
    job.abort.abort(new Error(reason));
    // The first one is running and ends by itself.
    if (job === queue[0]) continue;
    queue.splice(queue.indexOf(job), 1);
    world.record("copy-cancelled", { ...subjectOf(job.disk), copy: job.id, reason });
  }
  return stopped.length;
}

/** Whom an event is about. */
function subjectOf({ contract, owner }: CopyDisk): Record<string, number> {
  return contract ? { contract: contract.id } : { volume: owner.id };
}

function launch(world: World, job: CopyJob): void {
  world.clock.spawn(`copy ${job.id}`, async (sleep) => {
    const outcome = await run(world, job, sleep);
    finish(world, job, outcome);
  });
}

type Outcome = { kind: "complete" } | { kind: "failed" | "cancelled" | "stuck"; reason: string };

async function run(world: World, job: CopyJob, sleep: (seconds: number) => Promise<void>): Promise<Outcome> {
  const { disk } = job;
  const target = { instanceId: disk.contract?.id, label: disk.owner.label, account: disk.owner.accountId };
  const fault = world.faults.strike(["copy"], ["copy-noop", "copy-half", "copy-fail", "copy-stuck"], target);
  await sleep(world.random.once(`copy ${job.id}`).between(2, 6));
  // 5.2: large transfers were seen to answer "initiated" and never start.
  if (fault?.kind === "copy-stuck") return { kind: "stuck", reason: "never started" };
  if (job.abort.signal.aborted) return { kind: "cancelled", reason: "cancelled" };
  if (!disk.machine.online) return { kind: "stuck", reason: "host offline" };
  world.record("copy-started", { ...subjectOf(disk), copy: job.id });
  say(world, job, "Cloud Copy Started");
  if (fault?.kind === "copy-noop") return { kind: "complete" };
  const limit = fault?.kind === "copy-half" || fault?.kind === "copy-fail" ? 0.5 : 1;
  try {
    const move = job.request.direction === "to cloud" ? moveToCloud : moveFromCloud;
    await move(world, job, { share: limit, sleep, moved: (bytes) => progress(world, job, bytes) });
  } catch (error) {
    if (job.abort.signal.aborted) return { kind: "cancelled", reason: "cancelled" };
    return { kind: "failed", reason: reasonOf(error) };
  }
  if (job.abort.signal.aborted) return { kind: "cancelled", reason: "cancelled" };
  if (fault?.kind === "copy-fail") return { kind: "failed", reason: String(fault.body ?? "corrupted on transfer") };
  return { kind: "complete" };
}

function finish(world: World, job: CopyJob, outcome: Outcome): void {
  const { disk } = job;
  world.record(`copy-${outcome.kind}`, {
    ...subjectOf(disk),
    copy: job.id,
    bytes: job.doneBytes,
    files: job.files,
    ...("reason" in outcome ? { reason: outcome.reason } : {}),
  });
  if (outcome.kind === "complete") say(world, job, world.choices.copyCompleteText);
  if (outcome.kind === "failed") say(world, job, `Cloud Copy Failed: ${outcome.reason}`);
  if (outcome.kind === "cancelled") say(world, job, "Cloud Copy Cancelled");
  if (!disk.isGone()) disk.recount();
  const queue = world.copies.get(disk.name) ?? [];
  const rest = queue.filter((other) => other !== job);
  if (rest.length === 0) world.copies.delete(disk.name);
  else world.copies.set(disk.name, rest);
  const next = rest[0];
  if (next && !disk.isGone()) launch(world, next);
}

/** The daemon's log says it now, the row's status_msg some 30 s later and until something else overwrites it. */
function say(world: World, job: CopyJob, text: string): void {
  const { contract } = job.disk;
  if (!contract) return;
  contract.daemonLog.push(text.trimEnd());
  world.clock.after(STATUS_DELAY_S, `copy status of ${contract.id}`, () => {
    if (contract.destroyedAt !== null) return;
    contract.progress = null;
    contract.statusMsg = text;
    world.record("copy-status", { contract: contract.id, copy: job.id, text });
  });
}

function progress(world: World, job: CopyJob, bytes: number): void {
  const { contract, owner, upCostPerGb, downCostPerGb } = job.disk;
  job.doneBytes += bytes;
  job.files += 1;
  const up = job.request.direction === "to cloud";
  const source = contract ? "instance" : "volume";
  const subject = { accountId: owner.accountId, source, sourceId: owner.id } as const;
  world.ledger.traffic(world.now, subject, up ? "bwu" : "bwd", bytes, up ? upCostPerGb : downCostPerGb);
  if (!contract) return;
  if (up) contract.uploadedBytes += bytes;
  else contract.downloadedBytes += bytes;
  if (world.now - job.lastProgressAt < PROGRESS_EVERY_S) return;
  job.lastProgressAt = world.now;
  const seconds = Math.max(0.001, world.now - job.startedAt);
  const percent = job.totalBytes === 0 ? 100 : Math.floor((job.doneBytes / job.totalBytes) * 100);
  const mibPerS = job.doneBytes / 2 ** 20 / seconds;
  const eta = Math.ceil((job.totalBytes - job.doneBytes) / Math.max(1, job.doneBytes / seconds));
  contract.daemonLog.push(
    `${gib(job.doneBytes)} / ${gib(job.totalBytes)}, ${percent}%, ${mibPerS.toFixed(3)} MiB/s, ETA ${eta}s`,
  );
  say(world, job, `Cloud Copy In Progress: ${percent}%`);
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(3)} GiB`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.name && error.name !== "Error" ? `${error.name}: ${error.message}` : error.message;
}
