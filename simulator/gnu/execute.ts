import { readlinkSync } from "node:fs";
import { posix } from "node:path";
import type { Contract } from "../world/types.ts";
import type { World } from "../world/world.ts";
import { du } from "./du.ts";
import type { Files, Outcome } from "./files.ts";
import { ls } from "./ls.ts";
import { UsageError } from "./options.ts";
import { rm } from "./rm.ts";
import { BadCommandError, expand, splitWords } from "./words.ts";

const PROGRAMS: Readonly<Record<string, (files: Files, words: readonly string[]) => Outcome>> = { ls, du, rm };

/** Files of a contract; `prefix` stands before every printed path. */
export function filesOf(world: World, contract: Contract, prefix: string): Files {
  const { disks } = world;
  return {
    now: world.now,
    stat: (path) => disks.stat(contract, path),
    list: (path) => disks.list(contract, path),
    remove: (path) => disks.remove(contract, path),
    linkTarget: (path) => readlinkSync(disks.resolve(contract, path)),
    shown: (path) => (prefix === "" ? path : prefix + posix.normalize(`/${path}`)),
    isMountPoint: (path) => disks.isMountPoint(contract, path),
  };
}

/**
 * Only ls, rm and du; no shell is run (vast-api.md 3.5, execute). Paths are the host's: they begin with writeable_path,
 * which clients strip. Throws BadCommandError for anything else.
 */
export function execute(world: World, contract: Contract, command: string): string {
  const words = splitWords(command);
  const program = words[0] ? PROGRAMS[words[0].text] : undefined;
  if (!program) throw new BadCommandError(`only ls, rm and du are allowed`);
  const files = filesOf(world, contract, world.disks.writeablePath(contract.id));
  try {
    return program(
      files,
      words.slice(1).flatMap((word) => expand(files, word)),
    ).output;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}
