import { createHash } from "node:crypto";
import {
  type BigIntStats,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, posix, sep } from "node:path";
import type { Contract, Volume } from "./types.ts";

const GB = 1e9;
const HOST_STORE = "/var/lib/docker/overlay2";

export interface LostFile {
  /** In the container. */
  path: string;
  size: number;
  sha256: string;
}

export class DiskFullError extends Error {
  constructor(path: string) {
    super(`write ${path}: no space left on device`);
  }
}

/**
 * Disks are real directories: one per contract, which dies with it, and one per volume, which outlives its contracts.
 * Paths of the container are mapped into them; nothing outside is ever read or written.
 */
export class Disks {
  readonly root: string;
  /** Bytes per disk as written by the simulator itself; recounted from the directory when asked to. */
  readonly #usage = new Map<string, number>();
  readonly #lost = new Map<number, readonly LostFile[]>();

  constructor(root: string) {
    mkdirSync(join(root, "instances"), { recursive: true });
    mkdirSync(join(root, "volumes"), { recursive: true });
    this.root = realpathSync(root);
  }

  contractDir(contractId: number): string {
    return join(this.root, "instances", `C.${contractId}`);
  }

  volumeDir(volumeId: number): string {
    return join(this.root, "volumes", `V.${volumeId}`);
  }

  /** The container's root on the host, as execute answers it (vast-api.md 3.5, writeable_path). */
  writeablePath(contractId: number): string {
    return `${HOST_STORE}/${createHash("sha256").update(`C.${contractId}`).digest("hex")}/diff`;
  }

  createContract(contract: Contract): void {
    const root = this.contractDir(contract.id);
    for (const dir of ["workspace", "root", "tmp", "etc", "home", "var/log"]) {
      mkdirSync(join(root, dir), { recursive: true });
    }
    for (const mount of contract.mounts) mkdirSync(join(root, `.${mount.path}`), { recursive: true });
    const snapshot = this.#snapshotDir(contract.image);
    if (existsSync(snapshot)) cpSync(snapshot, root, { recursive: true, preserveTimestamps: true });
  }

  /** Keeps a container's files under an image name; containers made from that image begin with them. */
  keepSnapshot(contract: Contract, image: string): void {
    cpSync(this.contractDir(contract.id), this.#snapshotDir(image), { recursive: true, preserveTimestamps: true });
  }

  #snapshotDir(image: string): string {
    return join(this.root, "snapshots", createHash("sha256").update(image).digest("hex"));
  }

  createVolume(volume: Volume): void {
    mkdirSync(this.volumeDir(volume.id), { recursive: true });
  }

  /** What was on a contract's disk when it was destroyed: the judge of whether its results were saved before. */
  filesAtDestroy(contractId: number): readonly LostFile[] {
    return this.#lost.get(contractId) ?? [];
  }

  forget(contractId: number): void {
    this.#lost.delete(contractId);
  }

  destroyContract(contractId: number): void {
    this.#lost.set(contractId, hashTree(this.contractDir(contractId)));
    rmSync(this.contractDir(contractId), { recursive: true, force: true });
    this.#usage.delete(this.contractDir(contractId));
  }

  /** A container made anew from its image: what was written outside volumes is lost (vast-api.md 3.5, update). */
  wipeContract(contract: Contract): void {
    this.destroyContract(contract.id);
    this.createContract(contract);
  }

  destroyVolume(volumeId: number): void {
    rmSync(this.volumeDir(volumeId), { recursive: true, force: true });
    this.#usage.delete(this.volumeDir(volumeId));
  }

  /** Real path of a container path. Mounted volumes are crossed; symbolic links must not lead outside. */
  resolve(contract: Contract, path: string): string {
    const clean = posix.normalize(`/${path}`);
    const { dir, rest } = this.#disk(contract, clean);
    return inside(dir, join(dir, rest), path);
  }

  resolveInVolume(volumeId: number, path: string): string {
    const dir = this.volumeDir(volumeId);
    return inside(dir, join(dir, `.${posix.normalize(`/${path}`)}`), path);
  }

  isMountPoint(contract: Contract, path: string): boolean {
    const clean = posix.normalize(`/${path}`).replace(/(?<=.)\/$/, "");
    return contract.mounts.some((mount) => mount.path === clean);
  }

  write(contract: Contract, path: string, content: Buffer | string, mtime: number): void {
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    const real = this.resolve(contract, path);
    const before = sizeOf(real);
    this.#reserve(contract, path, bytes.length - before);
    const isNew = !existsSync(real);
    mkdirSync(dirname(real), { recursive: true });
    writeFileSync(real, bytes);
    utimesSync(real, mtime, mtime);
    if (isNew) utimesSync(dirname(real), mtime, mtime);
  }

  /** Takes up all room that is left with a sparse file: no real bytes, but the disk counts as full. */
  fill(contract: Contract, path: string, mtime: number): void {
    const { dir, sizeGb } = this.#disk(contract, posix.normalize(`/${path}`));
    if (sizeGb === null) return;
    const real = this.resolve(contract, path);
    const bytes = Math.max(0, Math.floor(sizeGb * GB - this.#used(dir)));
    mkdirSync(dirname(real), { recursive: true });
    writeFileSync(real, "");
    truncateSync(real, bytes);
    utimesSync(real, mtime, mtime);
    this.#usage.set(dir, this.#used(dir) + bytes);
  }

  append(contract: Contract, path: string, text: string, mtime: number): void {
    const real = this.resolve(contract, path);
    this.#reserve(contract, path, Buffer.byteLength(text));
    const isNew = !existsSync(real);
    mkdirSync(dirname(real), { recursive: true });
    writeFileSync(real, text, { flag: "a" });
    utimesSync(real, mtime, mtime);
    // A folder's time moves with its entries, on the virtual clock as everything else.
    if (isNew) utimesSync(dirname(real), mtime, mtime);
  }

  remove(contract: Contract, path: string): void {
    const real = this.resolve(contract, path);
    const bytes = existsSync(real) ? treeBytes(real) : 0;
    rmSync(real, { recursive: true, force: true });
    const { dir } = this.#disk(contract, posix.normalize(`/${path}`));
    this.#usage.set(dir, Math.max(0, this.#used(dir) - bytes));
  }

  exists(contract: Contract, path: string): boolean {
    return existsSync(this.resolve(contract, path));
  }

  read(contract: Contract, path: string): Buffer {
    return readFileSync(this.resolve(contract, path));
  }

  list(contract: Contract, path: string): string[] {
    const real = this.resolve(contract, path);
    return existsSync(real) ? readdirSync(real).sort() : [];
  }

  stat(contract: Contract, path: string): BigIntStats {
    return lstatSync(this.resolve(contract, path), { bigint: true });
  }

  /** GB written on the contract's own disk, as the row shows it. */
  usedGb(contract: Contract): number {
    return this.#used(this.contractDir(contract.id)) / GB;
  }

  volumeUsedGb(volumeId: number): number {
    return this.#used(this.volumeDir(volumeId)) / GB;
  }

  /** Counts the directory again: for writes that did not come through here (admin, tests, copies). */
  recount(contract: Contract): void {
    this.#usage.delete(this.contractDir(contract.id));
    for (const mount of contract.mounts) this.#usage.delete(this.volumeDir(mount.volumeId));
  }

  recountVolume(volumeId: number): void {
    this.#usage.delete(this.volumeDir(volumeId));
  }

  assertRoomInVolume(volume: Pick<Volume, "id" | "sizeGb">, path: string, bytes: number): void {
    if (this.#used(this.volumeDir(volume.id)) + bytes > volume.sizeGb * GB) throw new DiskFullError(path);
  }

  /** What still fits on the contract's own disk; below 0 if it holds more than it should. */
  roomBytes(contract: Contract): number {
    return contract.diskGb * GB - this.#used(this.contractDir(contract.id));
  }

  /** Throws DiskFullError when a write of that size would not fit. */
  assertRoom(contract: Contract, path: string, bytes: number): void {
    const { dir, sizeGb } = this.#disk(contract, posix.normalize(`/${path}`));
    if (sizeGb !== null && this.#used(dir) + bytes > sizeGb * GB) throw new DiskFullError(path);
  }

  #reserve(contract: Contract, path: string, bytes: number): void {
    this.assertRoom(contract, path, bytes);
    const { dir } = this.#disk(contract, posix.normalize(`/${path}`));
    this.#usage.set(dir, Math.max(0, this.#used(dir) + bytes));
  }

  #disk(contract: Contract, clean: string): { dir: string; rest: string; sizeGb: number | null } {
    const mounts = contract.mounts
      .filter((mount) => clean === mount.path || clean.startsWith(`${mount.path}/`))
      .sort((a, b) => b.path.length - a.path.length);
    const mount = mounts[0];
    if (!mount) return { dir: this.contractDir(contract.id), rest: `.${clean}`, sizeGb: contract.diskGb };
    return { dir: this.volumeDir(mount.volumeId), rest: `./${clean.slice(mount.path.length)}`, sizeGb: mount.sizeGb };
  }

  #used(dir: string): number {
    let used = this.#usage.get(dir);
    if (used === undefined) {
      used = existsSync(dir) ? treeBytes(dir) : 0;
      this.#usage.set(dir, used);
    }
    return used;
  }
}

function inside(dir: string, real: string, path: string): string {
  const followed = realpathSync(nearestExisting(real));
  if (followed !== dir && !followed.startsWith(dir + sep)) {
    throw new Error(`${path} leads outside the disk through a symbolic link`);
  }
  return real;
}

function nearestExisting(path: string): string {
  let current = path;
  while (!existsSync(current)) current = dirname(current);
  return current;
}

function sizeOf(real: string): number {
  return existsSync(real) ? statSync(real).size : 0;
}

export function treeBytes(path: string): number {
  const stats = lstatSync(path);
  if (!stats.isDirectory()) return stats.size;
  return readdirSync(path).reduce((sum, name) => sum + treeBytes(join(path, name)), 0);
}

function hashTree(root: string, path = "/"): LostFile[] {
  const real = join(root, path);
  const stats = lstatSync(real, { throwIfNoEntry: false });
  if (stats?.isDirectory())
    return readdirSync(real)
      .sort()
      .flatMap((name) => hashTree(root, posix.join(path, name)));
  // A disk that was filled up is one huge sparse file: its bytes say nothing and would take minutes to read.
  if (!stats?.isFile() || stats.blocks * 512 < stats.size / 2) return [];
  return [{ path, size: stats.size, sha256: createHash("sha256").update(readFileSync(real)).digest("hex") }];
}
