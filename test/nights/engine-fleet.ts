import { bestOffer } from "../../operator/plan/best-offer.ts";
import type { Order, Parked, WatchedFleet } from "../../operator/watch/fleet.ts";
import type { WatchedWorker } from "../../operator/watch/sight.ts";
import { requestLogs } from "../../provider/api/instances.ts";
import { type Binding, bindingSchema } from "../../provider/copy-out/inputs.ts";
import { listParked } from "../../provider/copy-out/parked.ts";
import { conditionOf } from "../../provider/lifecycle/instance/condition.ts";
import type { InstanceState } from "../../provider/lifecycle/instance/outputs.ts";
import { findContract } from "../../provider/lifecycle/instance/read.ts";
import { pollResult } from "../../provider/lifecycle/instance/wait.ts";
import { settleParked } from "../../provider/lifecycle/reconcile/settle.ts";
import type { Declared, Engine, Props } from "../faults/engine.ts";
import { Life } from "../faults/life.ts";
import { startProcess } from "../faults/provider-process.ts";
import { markFor } from "../faults/reconcile.ts";
import type { RunWorld } from "../faults/run-world.ts";

export const FLEET = "trainer";

/** What the stack config of a fleet holds, as far as a night changes it. */
export interface FleetProgram {
  workers: number;
  profile: Props;
  excludeMachines: number[];
  overrides: Record<string, Props>;
}

/** A fleet whose `up` runs the provider's own handlers, as the engine would, in a new process each. */
export class EngineFleet implements WatchedFleet {
  readonly name = FLEET;
  readonly program: FleetProgram;
  /** Everything that an `up` has said. */
  readonly lines: string[] = [];
  readonly #world: RunWorld;
  readonly #engine: Engine;
  readonly #limited: boolean;

  constructor(world: RunWorld, engine: Engine, program: FleetProgram, limited: boolean) {
    this.#world = world;
    this.#engine = engine;
    this.program = program;
    this.#limited = limited;
  }

  async up(): Promise<string | undefined> {
    return messageOf(await this.#engine.up(this.#start(), this.declared()));
  }

  /** All of it, by a process that looks and changes nothing. */
  workers(): Promise<WatchedWorker[]> {
    const { context, life } = this.#start();
    return this.#world.clock.during(life, async () => {
      const { rows } = await context.sweeper.since(context.clock.elapsedS());
      return Promise.all(
        this.names().map(async (name): Promise<WatchedWorker> => {
          const kept = this.#engine.state.get(name);
          const state = kept?.outputs as InstanceState | undefined;
          const bare = { name, fleet: FLEET, urn: name, inputs: state, expiry: state?.expiry };
          if (kept === undefined) return { ...bare, contract: undefined, row: undefined };
          const contract = Number(kept.id);
          const row = rows.get(contract) ?? (await findContract(context, kept.id, kept.outputs));
          return { ...bare, contract, row };
        }),
      );
    });
  }

  log(contract: number): Promise<string | undefined> {
    const { context, life } = this.#start();
    return this.#world.clock.during(life, async () =>
      pollResult(context, await context.transport.call(requestLogs, contract, { tail: 200 })),
    );
  }

  hasLarger({ inputs, row }: WatchedWorker, minVramGb: number): Promise<boolean> {
    const { context, life } = this.#start();
    const larger = { ...inputs, offer: { ...inputs?.offer, minVramGb } };
    const rented = new Set(row ? [row.machine_id] : []);
    return this.#world.clock.during(life, async () => (await bestOffer(context, larger, rented)) !== undefined);
  }

  async repair(orders: readonly Order[]): Promise<string | undefined> {
    for (const { worker, excludeMachine, minVramGb } of orders) {
      if (excludeMachine !== undefined) this.program.excludeMachines.push(excludeMachine);
      if (minVramGb !== undefined) this.program.overrides[worker.name] = { minVramGb };
    }
    const targets = new Set(orders.map(({ worker }) => worker.name));
    const replace = new Set(orders.filter((order) => order.replace).map(({ worker }) => worker.name));
    return messageOf(await this.#engine.up(this.#start(), this.declared(), { targets, replace }));
  }

  async parked(): Promise<readonly Parked[]> {
    const { context, life } = this.#start();
    const during = <T>(work: () => Promise<T>) => this.#world.clock.during(life, work);
    const { target } = this.program.profile.copyOut as { target: Binding };
    return during(async () => {
      const { rows } = await context.sweeper.since(context.clock.elapsedS());
      const records = await listParked(target);
      return records.flatMap((record) => {
        const row = rows.get(record.contract);
        if (row && conditionOf(row) === "offline") return [];
        const host = row ? "back" : "gone";
        return [
          {
            contract: record.contract,
            worker: record.label,
            settle: () => during(() => settleParked(context, { record, host })),
          },
        ];
      });
    });
  }

  async tearDown(): Promise<string | undefined> {
    this.program.workers = 0;
    return messageOf(await this.#engine.destroy(this.#start()));
  }

  names(): string[] {
    return Array.from({ length: this.program.workers }, (_, n) => `${FLEET}-worker-${n}`);
  }

  declared(): Declared[] {
    return this.names().map((name) => ({
      name,
      kind: "instance",
      needs: [],
      inputs: () => this.#inputsOf(name),
    }));
  }

  #inputsOf(name: string): Props {
    const { profile, excludeMachines, overrides } = this.program;
    const offer = { ...(profile.offer as Props), excludeMachines: [...new Set(excludeMachines)], ...overrides[name] };
    return structuredClone({ ...profile, mark: markFor(name), resource: name, label: name, offer });
  }

  #start() {
    return startProcess(this.#world, new Life(), { limited: this.#limited, log: (line) => void this.lines.push(line) });
  }
}

function messageOf(errors: ReadonlyMap<string, Error>): string | undefined {
  const messages = [...errors].map(([name, { message }]) => `${name}: ${message}`);
  return messages.length === 0 ? undefined : messages.join("\n");
}

/** Where results of a world without AWS go. */
export function bindingOf(connectionId: number, bucket: { name: string; region: string; url: string }) {
  return bindingSchema.parse({
    connectionId,
    bucket: bucket.name,
    prefix: "results/trainer",
    region: bucket.region,
    endpoint: bucket.url,
  });
}
