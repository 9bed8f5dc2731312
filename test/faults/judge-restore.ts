import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Kept } from "./engine.ts";
import { OUT, PREFIX } from "./program.ts";
import type { Written } from "./results.ts";
import { markOf, type RunWorld, type SeenContract } from "./run-world.ts";
import type { ObjectSeen } from "./storage.ts";

export interface Successors {
  world: RunWorld;
  state: ReadonlyMap<string, Kept>;
  objects: readonly ObjectSeen[];
  written: readonly Written[];
}

/** `restoreFrom: "last"`: a running successor has on its disk what the newest contract before it left, or what it made of it. */
export async function judgeRestored({ world, state, objects, written }: Successors): Promise<string[]> {
  const contracts = await world.contracts();
  const recreated = (await world.events()).filter(({ kind }) => kind === "container-recreated");
  // A container made anew begins empty, as everybody is told who changes its image.
  const anew = new Set(recreated.map(({ contract }) => contract));
  const wanted = new Set(
    [...state.values()]
      .filter(({ outputs }) => outputs.restoreFrom === "last" && outputs.waitFor === "running")
      .map(({ id }) => Number(id)),
  );
  const successors = contracts.filter(
    ({ id, actual, cur }) => wanted.has(id) && actual === "running" && cur === "running",
  );
  return successors
    .filter(({ id }) => !anew.has(id))
    .flatMap((successor) => {
      const left = leftBefore(successor, contracts, objects);
      const own = new Set(
        written.filter((one) => one.contract === successor.id && !one.volume).map(({ path }) => path),
      );
      return left
        .filter(({ path, sha256 }) => !own.has(path) && hashOf(join(successor.dir, path)) !== sha256)
        .map(
          ({ path, from }) => `contract ${successor.id} runs without ${path}, which ${from} of the same resource left`,
        );
    });
}

interface Left {
  from: number;
  path: string;
  sha256: string;
}

/** By the newest contract that was destroyed before this one was rented, and left anything. */
function leftBefore(
  successor: SeenContract,
  contracts: readonly SeenContract[],
  objects: readonly ObjectSeen[],
): Left[] {
  const earlier = contracts.filter(
    (one) => markOf(one) === markOf(successor) && one.destroyedAt !== null && one.destroyedAt <= successor.startDate,
  );
  const byAge = earlier
    .toSorted((a, b) => b.id - a.id)
    .map(({ id }) => {
      const prefix = `${PREFIX}/${id}${OUT}/`;
      const found = objects.filter(({ key }) => key.startsWith(prefix));
      return found.map(({ key, sha256 }) => ({ from: id, path: key.slice(`${PREFIX}/${id}`.length), sha256 }));
    });
  return byAge.find((left) => left.length > 0) ?? [];
}

function hashOf(file: string): string | undefined {
  return existsSync(file) ? createHash("sha256").update(readFileSync(file)).digest("hex") : undefined;
}
