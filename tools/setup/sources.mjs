// @ts-check
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { onInterrupt, say } from "./commands.mjs";
import { withLock } from "./lock.mjs";
import { cannotBeHad, SetupError } from "./messages.mjs";

/**
 * A part found: `bin` is the folder to put on PATH, undefined when it is on PATH already.
 * @typedef {{bin: string | undefined}} Found
 * @typedef {{why: string}} Missing
 * @typedef {{name: string, get: () => Found | Missing | Promise<Found | Missing>}} Source
 */

/**
 * The first source that delivers; otherwise why each of them did not.
 * @param {Source[]} sources
 * @returns {Promise<{found: Found} | {tried: {source: string, why: string}[]}>}
 */
export async function firstOf(sources) {
  const tried = [];
  for (const { name, get } of sources) {
    const result = await get();
    if ("bin" in result) return { found: result };
    tried.push({ source: name, why: result.why });
  }
  return { tried };
}

/**
 * A part from what is there, or else from what can be made. Making is done by one process at a time; whoever waited
 * looks again first.
 * @param {{what: string, lock: string, there: Source[], make: Source[], ways: string[]}} part
 */
export async function provide({ what, lock, there, make, ways }) {
  const first = await firstOf(there);
  if ("found" in first) return first.found;
  try {
    mkdirSync(cacheFolder(), { recursive: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SetupError(cannotBeHad(what, [...first.tried, { source: "the cache folder", why }], ways));
  }
  const onWait = (/** @type {{pid: number}} */ { pid }) =>
    say(`another set-up (process ${pid}) is at work on ${what} …`);
  return await withLock(join(cacheFolder(), lock), onWait, async () => {
    const result = await firstOf([...there, ...make]);
    if ("found" in result) return result.found;
    throw new SetupError(cannotBeHad(what, result.tried, ways));
  });
}

/** @param {NodeJS.ProcessEnv} env */
export function cacheFolder(env = process.env) {
  return env.PULUMI_VAST_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "pulumi-vast");
}

/**
 * A folder of the cache, by part and version. Home folders are shared between machines: the platform is in the name.
 * @param {string} part
 */
export function cached(part) {
  return join(cacheFolder(), `${part}-${process.platform}-${process.arch}`);
}

/**
 * Makes a folder of the cache: under another name first, renamed when it is complete, so that an interrupted build
 * leaves nothing that looks like a finished one. Call it with the part's lock held.
 * @param {string} folder
 * @param {(draft: string) => Promise<string | undefined>} make resolves to what went wrong
 * @returns {Promise<Found | Missing>}
 */
export async function makeFolder(folder, make) {
  for (const name of readdirSync(cacheFolder())) {
    const path = join(cacheFolder(), name);
    if (path.startsWith(`${folder}.draft`)) rmSync(path, { recursive: true, force: true });
  }
  const draft = `${folder}.draft-${process.pid}`;
  const remove = () => rmSync(draft, { recursive: true, force: true });
  const forget = onInterrupt(remove);
  try {
    mkdirSync(join(draft, "bin"), { recursive: true });
    const why = await make(draft);
    if (why) return { why };
    rmSync(folder, { recursive: true, force: true });
    renameSync(draft, folder);
    return { bin: join(folder, "bin") };
  } finally {
    forget();
    remove();
  }
}
