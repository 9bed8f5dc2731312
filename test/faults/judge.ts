import type { Kept } from "./engine.ts";
import { foldersOf, unverified } from "./judge-manifest.ts";
import { MOUNT, PREFIX, SECRET } from "./program.ts";
import { resultsOf, type Written } from "./results.ts";
import { API_KEY, markOf, OTHER_KEY, REVOKED_KEY, type RunWorld, type SeenContract } from "./run-world.ts";
import type { ObjectSeen, RunBucket } from "./storage.ts";

/** After at most one up: what the account bills is what the state knows, and each resource has one contract. */
export async function judgeAccount(
  world: RunWorld,
  state: ReadonlyMap<string, Kept>,
  bucket: RunBucket | undefined,
): Promise<string[]> {
  const parked = parkedIn((await bucket?.objects()) ?? []);
  const ours = (await world.contracts())
    .filter((one) => one.destroyedAt === null && markOf(one) !== undefined)
    // On record until its host is back, which in a live market may be gone again.
    .filter((one) => !(parked.get(one.id)?.cleared === undefined && parked.has(one.id) && one.actual === "offline"));
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
  const living = new Set(contracts.filter(({ destroyedAt }) => destroyedAt === null).map(({ id }) => id));
  const parked = parkedIn(objects);
  return [
    ...(bucket ? contracts.flatMap((contract) => lostAtDestroy(contract, objects)) : []),
    ...(bucket ? contracts.flatMap((contract) => unverified(contract, { objects, written, raced })) : []),
    ...(bucket ? written.filter((file) => !living.has(file.contract)).flatMap((file) => lostFile(file, objects)) : []),
    ...(raced ? [] : overlaps(contracts.filter(({ id }) => !parked.has(id)))),
    ...leaks(messages),
  ];
}

interface ParkedRecord {
  contract: number;
  cleared?: unknown;
}

function parkedIn(objects: readonly ObjectSeen[]): ReadonlyMap<number, ParkedRecord> {
  const records = objects.filter(({ key }) => key.startsWith(`${PREFIX}/.pulumi-vast/parked/`));
  return new Map(
    records.map(({ text }) => {
      const record = JSON.parse(text ?? "") as ParkedRecord;
      return [record.contract, record];
    }),
  );
}

function lostAtDestroy(contract: SeenContract, objects: readonly ObjectSeen[]): string[] {
  return resultsOf(contract)
    .filter(({ path, size, sha256: hash }) => {
      const keys = foldersOf(contract.id).map((folder) => `${folder}${path}`);
      return !objects.some((object) => keys.includes(object.key) && object.size === size && object.sha256 === hash);
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
      (volume
        ? key.startsWith(`${PREFIX}/`) && key.endsWith(path)
        : foldersOf(contract).some((folder) => key === `${folder}${path}`)),
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
