import type { Kept } from "./engine.ts";
import { MOUNT, OUT, PREFIX, SECRET } from "./program.ts";
import type { Written } from "./results.ts";
import {
  API_KEY,
  markOf,
  OTHER_KEY,
  REVOKED_KEY,
  type RunWorld,
  type SeenContract,
  type SeenFile,
} from "./run-world.ts";
import type { ObjectSeen, RunBucket } from "./storage.ts";

/** After at most one up: what the account bills is what the state knows, and each resource has one contract. */
export async function judgeAccount(world: RunWorld, state: ReadonlyMap<string, Kept>): Promise<string[]> {
  const ours = (await world.contracts()).filter((one) => one.destroyedAt === null && markOf(one) !== undefined);
  const inState = [...state.values()];
  const known = (kind: Kept["kind"]) => inState.filter((kept) => kept.kind === kind).map((kept) => Number(kept.id));
  const marks = ours.map(markOf);
  return [
    ...unequal(
      "instance",
      ours.map((one) => one.id),
      known("instance"),
    ),
    ...unequal(
      "volume",
      (await world.volumes()).map((one) => one.id),
      known("volume"),
    ),
    ...marks
      .filter((mark, at) => marks.indexOf(mark) !== at)
      .map((mark) => `two living contracts have the mark ${mark}`),
  ];
}

function unequal(what: string, living: readonly number[], known: readonly number[]): string[] {
  return [
    ...living.filter((id) => !known.includes(id)).map((id) => `${what} ${id} bills and is in no state`),
    ...known.filter((id) => !living.includes(id)).map((id) => `${what} ${id} is in the state and does not exist`),
  ];
}

export interface Evidence {
  world: RunWorld;
  bucket: RunBucket | undefined;
  written: readonly Written[];
  messages: readonly string[];
  /** Two providers were at work at once: both may have rented, if one of the contracts then went at once. */
  raced: boolean;
}

/** When everything is destroyed: nothing was lost, rented twice, or said that must not be said. */
export async function judgeHistory({ world, bucket, written, messages, raced }: Evidence): Promise<string[]> {
  const contracts = (await world.contracts()).filter((contract) => markOf(contract) !== undefined);
  const objects = bucket ? await bucket.objects() : [];
  return [
    ...(bucket ? contracts.flatMap((contract) => lostAtDestroy(contract, objects)) : []),
    ...(bucket ? contracts.flatMap((contract) => unverified(contract, objects, written)) : []),
    ...(bucket ? written.flatMap((file) => lostFile(file, objects)) : []),
    ...(raced ? [] : overlaps(contracts)),
    ...leaks(messages),
  ];
}

function resultsOf({ filesAtDestroy }: SeenContract): SeenFile[] {
  return filesAtDestroy.filter((file) => file.path.startsWith(`${OUT}/`));
}

/** The manifest is the last word on a contract that is gone: made after its last write, before its destroy, of every file. */
function unverified(contract: SeenContract, objects: readonly ObjectSeen[], written: readonly Written[]): string[] {
  const { id, everRan, runningSeconds, destroyedAt } = contract;
  if (!everRan || destroyedAt === null) return [];
  const text = objects.find(({ key }) => key === `${PREFIX}/${id}/.pulumi-vast/manifest.json`)?.text;
  // It came up between the look that found it never to have run and its destroy: exempt, unless it made something.
  if (text === undefined && runningSeconds < A_MOMENT_S && resultsOf(contract).length === 0) return [];
  if (text === undefined) return [`contract ${id} has run and was destroyed without a manifest`];
  const { verifiedAt, live, folders } = JSON.parse(text) as Manifest;
  const madeAt = Date.parse(verifiedAt) / 1000;
  const last = Math.max(0, ...written.filter((one) => one.contract === id && !one.volume).map(({ at }) => at));
  const named = new Set(
    folders.flatMap(({ path, files }) => files.map((file) => nameAndSize(`${path}/${file.path}`, file.sizeBytes))),
  );
  return [
    ...(live ? [`the manifest of contract ${id} is not that of a destroy`] : []),
    ...(madeAt > destroyedAt + CLOCKS_AGREE_S ? [`the manifest of contract ${id} is younger than its destroy`] : []),
    ...(madeAt < last - CLOCKS_AGREE_S ? [`the manifest of contract ${id} is older than its last result`] : []),
    ...resultsOf(contract)
      .filter(({ path, size }) => !named.has(nameAndSize(path, size)))
      .map(({ path }) => `the manifest of contract ${id} does not name ${path} as it was at the destroy`),
  ];
}

/** The parts of a manifest that are judged. */
interface Manifest {
  verifiedAt: string;
  live: boolean;
  folders: { path: string; files: { path: string; sizeBytes: number }[] }[];
}

/** From the last look at a contract to its destroy, with the pacing of both, seconds. */
const A_MOMENT_S = 30;
/** Of the simulator's clock and the provider's view of it, seconds. */
const CLOCKS_AGREE_S = 0.01;

function nameAndSize(path: string, size: number): string {
  return `${path} ${size}`;
}

function lostAtDestroy(contract: SeenContract, objects: readonly ObjectSeen[]): string[] {
  return resultsOf(contract)
    .filter(({ path, size, sha256: hash }) => {
      const key = `${PREFIX}/${contract.id}${path}`;
      return !objects.some((object) => object.key === key && object.size === size && object.sha256 === hash);
    })
    .map(
      (file) =>
        `${file.path} (${file.size} bytes) was on contract ${contract.id} when it was destroyed, and is not in S3`,
    );
}

function lostFile({ contract, volume, path, sha256: hash }: Written, objects: readonly ObjectSeen[]): string[] {
  const saved = objects.some(
    ({ key, sha256: found }) =>
      found === hash &&
      (volume ? key.startsWith(`${PREFIX}/`) && key.endsWith(path) : key === `${PREFIX}/${contract}${path}`),
  );
  return saved
    ? []
    : [`${path}, written on contract ${contract}${volume ? `'s volume at ${MOUNT}` : ""}, is not in S3`];
}

export function overlaps(contracts: readonly SeenContract[]): string[] {
  return contracts.flatMap((one) =>
    contracts
      .filter((other) => other.id > one.id && markOf(other) === markOf(one))
      .filter((other) => other.startDate < (one.destroyedAt ?? Number.POSITIVE_INFINITY))
      .map((other) => `contract ${other.id} was rented while ${one.id} of the same resource lived`),
  );
}

function leaks(messages: readonly string[]): string[] {
  return [API_KEY, OTHER_KEY, REVOKED_KEY, SECRET]
    .filter((secret) => messages.some((message) => message.includes(secret)))
    .map((secret) => `a message shows ${secret}`);
}
