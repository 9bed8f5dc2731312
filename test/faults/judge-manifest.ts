import { PREFIX } from "./program.ts";
import { resultsOf, type Written } from "./results.ts";
import type { SeenContract } from "./run-world.ts";
import type { ObjectSeen } from "./storage.ts";

export interface Records {
  objects: readonly ObjectSeen[];
  written: readonly Written[];
  /** Two providers were at work at once, or a list showed an earlier hour. */
  raced: boolean;
}

/**
 * Where results of a contract may be: in its own folder, or aside when it was destroyed before its files from before the
 * recreation of its container were back on it (copy-out/recreation.ts).
 */
export function foldersOf(contract: number): readonly string[] {
  return [`${PREFIX}/${contract}`, `${PREFIX}/.pulumi-vast/not-restored/${contract}`];
}

/** The manifest is the last word on a contract that is gone: made after its last write, before its destroy, of every file. */
export function unverified(contract: SeenContract, { objects, written, raced }: Records): string[] {
  const { id, everRan, runningSeconds, destroyedAt } = contract;
  if (!everRan || destroyedAt === null) return [];
  const manifests = objects.filter(({ key }) =>
    foldersOf(id).some((folder) => key === `${folder}/.pulumi-vast/manifest.json`),
  );
  const [newest] = manifests
    .map(({ text = "" }) => JSON.parse(text) as Manifest)
    .sort((one, other) => Date.parse(other.verifiedAt) - Date.parse(one.verifiedAt));
  // It came up between the look that found it never to have run and its destroy: exempt, unless it made something.
  const unseenS = raced ? HIDDEN_S : A_MOMENT_S;
  if (newest === undefined && runningSeconds < unseenS && resultsOf(contract).length === 0) return [];
  if (newest === undefined) return [`contract ${id} has run and was destroyed without a manifest`];
  const { verifiedAt, live, folders } = newest;
  const madeAt = Date.parse(verifiedAt) / 1000;
  const last = Math.max(0, ...written.filter((one) => one.contract === id && !one.volume).map(({ at }) => at));
  const named = new Set(
    folders.flatMap(({ path, files }) => files.map((file) => nameAndSize(`${path}/${file.path}`, file.sizeBytes))),
  );
  return [
    ...(live ? [`the manifest of contract ${id} is not that of a destroy`] : []),
    // Of two providers in the gate of one contract, the slower writes the manifest once more.
    ...(!raced && madeAt > destroyedAt + CLOCKS_AGREE_S
      ? [`the manifest of contract ${id} is younger than its destroy`]
      : []),
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

/** From the last look at a contract to its destroy, with the pacing of both and a service that takes its time, seconds. */
const A_MOMENT_S = 30 + 40;
/** So long a list may hide the older of two contracts with one mark from the provider that has just rented the other. */
const HIDDEN_S = 120;
/** Of the simulator's clock and the provider's view of it, seconds. */
const CLOCKS_AGREE_S = 0.01;

function nameAndSize(path: string, size: number): string {
  return `${path} ${size}`;
}
