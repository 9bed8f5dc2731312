import { existsSync, lstatSync } from "node:fs";
import { cp, mkdir, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type CopyDisk, instanceDisk, volumeDisk } from "./copy-disk.ts";
import type { Contract, Machine, Volume } from "./types.ts";
import type { World } from "./world.ts";

/** One side of a copy between disks (vast-api.md 5.1): an instance's or a volume's directory. */
export interface Place {
  /** "C.<id>" or "V.<id>". */
  name: string;
  machine: Machine;
  contract: Contract | null;
  volume: Volume | null;
  /** As given: a trailing slash on the source copies the content rather than the directory. */
  path: string;
}

/** status_msg follows by about this much, as with cloud copies; the live wording is unverified. */
const STATUS_DELAY_S = 30;

export function startDirectCopy(world: World, source: Place, target: Place): void {
  const abort = new AbortController();
  const running = world.directCopies.get(target.name) ?? new Set();
  running.add(abort);
  world.directCopies.set(target.name, running);
  world.record("direct-copy-queued", { from: source.name, to: target.name });
  world.clock.spawn(`copy ${source.name} to ${target.name}`, async (sleep) => {
    await sleep(world.random.once(`direct copy ${source.name} ${target.name} ${world.now}`).between(2, 6));
    const text = await transfer(world, source, target, abort.signal, sleep);
    running.delete(abort);
    if (running.size === 0) world.directCopies.delete(target.name);
    if (text !== null) say(world, [source, target], text);
  });
}

/** Answers how many were stopped. */
export function cancelDirectCopies(world: World, targetName: string): number {
  const running = world.directCopies.get(targetName) ?? new Set();
  for (const abort of running) abort.abort();
  return running.size;
}

async function transfer(
  world: World,
  source: Place,
  target: Place,
  abort: AbortSignal,
  sleep: (seconds: number) => Promise<void>,
): Promise<string | null> {
  if (abort.aborted) return "Copy Cancelled";
  if (!source.machine.online || !target.machine.online || isGone(source) || isGone(target)) return null;
  try {
    const from = realPath(world, source, source.path);
    if (!existsSync(from)) return "Copy Failed: No such file or directory";
    const content = source.path.endsWith("/") || !lstatSync(from).isDirectory();
    const into = realPath(world, target, content ? target.path : join(target.path, basename(source.path)));
    const to =
      content && !lstatSync(from).isDirectory() && target.path.endsWith("/") ? join(into, basename(from)) : into;
    const bytes = await sizeOf(from);
    diskOf(world, target)?.assertRoom(target.path, bytes);
    // The slower of the two links sets the pace; on one machine the disk does, which is no time at all.
    if (source.machine !== target.machine) {
      const linkMbps = Math.min(source.machine.inetUpMbps, target.machine.inetDownMbps);
      await sleep((bytes * 8) / (linkMbps * 1e6));
    }
    if (abort.aborted) return "Copy Cancelled";
    if (isGone(source) || isGone(target)) return null;
    await mkdir(dirname(to), { recursive: true });
    await cp(from, to, { recursive: true, preserveTimestamps: true, force: true });
    charge(world, source, target, bytes);
    diskOf(world, target)?.recount();
    world.record("direct-copy-complete", { from: source.name, to: target.name, bytes });
    return "Copy Operation Complete\n";
  } catch (error) {
    return `Copy Failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function diskOf(world: World, { contract, volume }: Place): CopyDisk | null {
  return contract ? instanceDisk(world, contract) : volume && volumeDisk(world, volume);
}

function isGone(place: Place): boolean {
  return (place.contract?.destroyedAt ?? place.volume?.deletedAt ?? null) !== null;
}

function realPath(world: World, place: Place, path: string): string {
  if (place.contract) return world.disks.resolve(place.contract, path);
  return world.disks.resolveInVolume((place.volume as Volume).id, path);
}

async function sizeOf(path: string): Promise<number> {
  const stats = lstatSync(path);
  if (!stats.isDirectory()) return stats.size;
  let total = 0;
  for (const name of await readdir(path)) total += await sizeOf(join(path, name));
  return total;
}

/** Free on one machine; otherwise upload for the one side and download for the other (vast-api.md 8.3). */
function charge(world: World, source: Place, target: Place, bytes: number): void {
  if (source.machine === target.machine) return;
  for (const [place, kind, price] of [
    [source, "bwu", source.machine.inetUpCostPerGb],
    [target, "bwd", target.machine.inetDownCostPerGb],
  ] as const) {
    const owner = place.contract ?? place.volume;
    if (!owner) continue;
    const kindOfSource = place.contract ? "instance" : "volume";
    world.ledger.traffic(
      world.now,
      { accountId: owner.accountId, source: kindOfSource, sourceId: owner.id },
      kind,
      bytes,
      price,
    );
    if (place.contract && kind === "bwu") place.contract.uploadedBytes += bytes;
    if (place.contract && kind === "bwd") place.contract.downloadedBytes += bytes;
  }
}

function say(world: World, places: readonly Place[], text: string): void {
  world.clock.after(STATUS_DELAY_S, "copy status", () => {
    for (const { contract } of places) {
      if (!contract || contract.destroyedAt !== null) continue;
      contract.progress = null;
      contract.statusMsg = text;
      contract.daemonLog.push(text.trimEnd());
    }
  });
}
