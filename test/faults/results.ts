import { createHash } from "node:crypto";
import type { Draws } from "../bench/draws.ts";
import type { Kept } from "./engine.ts";
import { MOUNT, OUT } from "./program.ts";
import type { RunWorld, SeenContract, SeenFile } from "./run-world.ts";

/** What a worker wrote, as last written under that path. */
export interface Written {
  contract: number;
  /** On the volume it outlives its contract, and may be saved by a later one. */
  volume: boolean;
  path: string;
  sha256: string;
  /** Virtual epoch seconds. */
  at: number;
}

/** The results that workers make, and what has to be in S3 when all of them are gone. */
export class Results {
  readonly #world: RunWorld;
  readonly #draws: Draws;
  readonly #written = new Map<string, Written>();

  constructor(world: RunWorld, draws: Draws) {
    this.#world = world;
    this.#draws = draws;
  }

  get written(): Written[] {
    return [...this.#written.values()];
  }

  /**
   * Workers that the state knows write files, new ones and over old ones.
   * @param mounting id of the contract that mounts the volume
   */
  async write(state: ReadonlyMap<string, Kept>, mounting: string | undefined): Promise<void> {
    // Until its restore is done, what a worker makes gives way to what is restored: it has not begun its work.
    const atWork = [...state.values()].filter(
      ({ initErrors, outputs }) => !(initErrors && outputs.restoreFrom !== undefined),
    );
    const known = new Set(atWork.map((kept) => Number(kept.id)));
    const running = (await this.#world.contracts()).filter(
      (one) => known.has(one.id) && one.actual === "running" && one.cur === "running" && one.intended === "running",
    );
    for (const { id } of running) await this.#writeOne(id, String(id) === mounting && this.#draws.chance(0.5));
  }

  async #writeOne(contract: number, volume: boolean): Promise<void> {
    const names = ["latest.pt", `step-${this.#draws.integer(1, 9)}.pt`, "run 1/log.txt"];
    const path = `${volume ? MOUNT : OUT}/${this.#draws.pick(names)}`;
    const text = this.#draws.hex(this.#draws.pick([8, 400, 3000]));
    await this.#world.admin("POST", `/instances/${contract}/write`, { path, text });
    const sha256 = createHash("sha256").update(text).digest("hex");
    this.#written.set(`${volume ? "volume" : contract} ${path}`, {
      contract,
      volume,
      path,
      sha256,
      at: this.#world.clock.nowS,
    });
  }
}

/** What lay in its copy-out path when a contract was destroyed. */
export function resultsOf({ filesAtDestroy }: SeenContract): SeenFile[] {
  return filesAtDestroy.filter((file) => file.path.startsWith(`${OUT}/`));
}
