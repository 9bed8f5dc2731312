import { existsSync, lstatSync, readdirSync, utimesSync } from "node:fs";
import { posix } from "node:path";
import type { CopyJob } from "./copier.ts";
import type { CopyDisk } from "./copy-disk.ts";
import { Bucket, type RemoteObject, rcloneMtime } from "./s3.ts";
import type { World } from "./world.ts";

interface Transfer {
  /** Part of the files that is really moved: below 1 for a copy that fails or lies. */
  share: number;
  sleep: (seconds: number) => Promise<void>;
  moved: (bytes: number) => void;
}

interface LocalFile {
  /** Relative to what is copied. */
  name: string;
  path: string;
  size: number;
  mtime: string;
}

/** Flags rclone knows that change nothing here; a flag it does not know fails the copy, as with the real program. */
const INERT_FLAGS = ["--delete-excluded", "--transfers", "--checkers", "--fast-list", "--checksum", "-v", "--progress"];
const FLAGS = ["--dry-run", "--size-only", "--ignore-existing", "--update"];

/** `rclone copy <folder or file> remote:<bucket>/<key>`: a folder's contents go below the key. */
export async function moveToCloud(world: World, job: CopyJob, transfer: Transfer): Promise<void> {
  const { request, disk, abort } = job;
  checkFlags(request.flags);
  const files = localFiles(disk, request.localPath);
  const bucket = new Bucket(request.connection, request.bucket);
  try {
    const existing = new Map<string, RemoteObject>();
    for (const object of await bucket.list(request.key, abort.signal)) existing.set(object.key, object);
    const wanted: { file: LocalFile; key: string }[] = [];
    for (const file of files) {
      const key = posix.join(request.key, file.name).replace(/^\//, "");
      if (!(await isCurrent(bucket, file, existing.get(key), request.flags, abort.signal))) wanted.push({ file, key });
    }
    job.totalBytes = wanted.reduce((sum, { file }) => sum + file.size, 0);
    if (request.flags.includes("--dry-run")) return;
    for (const { file, key } of wanted.slice(0, Math.floor(wanted.length * transfer.share))) {
      abort.signal.throwIfAborted();
      await paced(world, file.size, disk.machine.inetUpMbps, transfer, () =>
        bucket.put(key, file.path, file.mtime, abort.signal),
      );
    }
  } finally {
    bucket.close();
  }
}

export async function moveFromCloud(world: World, job: CopyJob, transfer: Transfer): Promise<void> {
  const { request, disk, abort } = job;
  checkFlags(request.flags);
  const bucket = new Bucket(request.connection, request.bucket);
  try {
    const objects = relativeObjects(await bucket.list(request.key, abort.signal), request.key);
    if (objects.length === 0) throw new Error("directory not found");
    const wanted = [];
    for (const object of objects) {
      const path = posix.join(request.localPath, object.name);
      const local = existsSync(disk.resolve(path)) ? localFile(disk, path, object.name) : undefined;
      const current = local && (await isCurrent(bucket, local, object, request.flags, abort.signal));
      if (!current) wanted.push({ ...object, path });
    }
    job.totalBytes = wanted.reduce((sum, object) => sum + object.size, 0);
    if (request.flags.includes("--dry-run")) return;
    for (const object of wanted.slice(0, Math.floor(wanted.length * transfer.share))) {
      abort.signal.throwIfAborted();
      disk.assertRoom(object.path, object.size);
      await paced(world, object.size, disk.machine.inetDownMbps, transfer, async () => {
        const real = disk.resolve(object.path);
        const mtime = Number((await bucket.get(object.key, real, abort.signal)) ?? object.lastModified);
        utimesSync(real, mtime, mtime);
      });
      disk.recount();
    }
  } finally {
    bucket.close();
  }
}

/** The real transfer, and at least the virtual time that the host's link needs for so many bytes. */
async function paced(
  world: World,
  bytes: number,
  linkMbps: number,
  transfer: Transfer,
  move: () => Promise<void>,
): Promise<void> {
  const startedAt = world.now;
  await move();
  const linkS = (bytes * 8) / (linkMbps * 1e6);
  const restS = linkS - (world.now - startedAt);
  if (restS > 0) await transfer.sleep(restS);
  transfer.moved(bytes);
}

/** rclone's rule: same size and same modification time means there is nothing to do. */
async function isCurrent(
  bucket: Bucket,
  file: LocalFile,
  remote: RemoteObject | undefined,
  flags: readonly string[],
  abort: AbortSignal,
): Promise<boolean> {
  if (!remote) return false;
  if (flags.includes("--ignore-existing")) return true;
  if (flags.includes("--size-only")) return remote.size === file.size;
  if (remote.size !== file.size && !flags.includes("--update")) return false;
  const mtime = (await bucket.mtime(remote.key, abort)) ?? String(remote.lastModified);
  if (flags.includes("--update") && Number(mtime) > Number(file.mtime)) return true;
  return remote.size === file.size && mtime === file.mtime;
}

function localFiles(disk: CopyDisk, path: string): LocalFile[] {
  if (!existsSync(disk.resolve(path))) throw new Error("directory not found");
  const real = disk.resolve(path);
  if (!lstatSync(real).isDirectory()) return [localFile(disk, path, posix.basename(path))];
  return walk(disk, path, "");
}

function walk(disk: CopyDisk, root: string, below: string): LocalFile[] {
  const files: LocalFile[] = [];
  for (const name of readdirSync(disk.resolve(posix.join(root, below))).sort()) {
    const relative = posix.join(below, name);
    const path = posix.join(root, relative);
    const stats = lstatSync(disk.resolve(path));
    if (stats.isDirectory()) files.push(...walk(disk, root, relative));
    else if (stats.isFile()) files.push(localFile(disk, path, relative));
  }
  return files;
}

function localFile(disk: CopyDisk, path: string, name: string): LocalFile {
  const real = disk.resolve(path);
  const stats = lstatSync(real, { bigint: true });
  return { name, path: real, size: Number(stats.size), mtime: rcloneMtime(stats.mtimeNs) };
}

function relativeObjects(objects: RemoteObject[], key: string): (RemoteObject & { name: string })[] {
  const folder = key === "" || key.endsWith("/") ? key : `${key}/`;
  return objects
    .filter((object) => object.key === key || object.key.startsWith(folder))
    .filter((object) => !object.key.endsWith("/"))
    .map((object) => ({
      ...object,
      name: object.key === key ? posix.basename(key) : object.key.slice(folder.length),
    }));
}

function checkFlags(flags: readonly string[]): void {
  for (const flag of flags) {
    const name = flag.split("=")[0] ?? "";
    if (name.startsWith("-") && !INERT_FLAGS.includes(name) && !FLAGS.includes(name)) {
      throw new Error(`unknown flag: ${name}`);
    }
  }
}
