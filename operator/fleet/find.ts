import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import { UsageError } from "../terminal.ts";
import type { Fleet, Fleets, Worker } from "./read.ts";

/** A worker by its label, its name in the program, its contract's id, or as the inventory calls it: `vast-<id>`. */
export function findWorker({ workers }: Pick<Fleets, "workers">, text: string): Worker {
  const found = workers.filter(({ label, name, contract }) =>
    [label, name, `${contract}`, `vast-${contract}`].includes(text),
  );
  const [worker] = found;
  if (worker && found.length === 1) return worker;
  if (found.length > 1)
    throw new UsageError(
      `"${text}" is the label of ${found.length} workers: say the contract's id (vast-fleet status)`,
    );
  const known =
    workers.length === 0 ? "it has rented nothing yet" : `it has ${listed(workers.map(({ label }) => label))}`;
  throw new UsageError(`no worker of this stack is called "${text}"; ${known}`);
}

/** A worker as above, or by its id any contract of the account: for what only looks. */
export function findContract(fleets: Pick<Fleets, "workers" | "rows">, text: string): InstanceRow {
  const foreign = /^\d+$/.test(text) ? fleets.rows.get(Number(text)) : undefined;
  if (foreign) return foreign;
  const worker = findWorker(fleets, text);
  if (worker.row) return worker.row;
  throw new UsageError(
    `${worker.label}: contract ${worker.contract} is not in the account's list any more (vast-fleet reconcile)`,
  );
}

/** The fleet of that name; without a name the stack's only one. */
export function chosenFleet({ fleets }: Pick<Fleets, "fleets">, name: string | undefined): Fleet {
  const names = listed(fleets.map((fleet) => fleet.name));
  if (name !== undefined) {
    const found = fleets.find((fleet) => fleet.name === name);
    if (found) return found;
    throw new UsageError(`this stack has no fleet "${name}"; it has ${names}`);
  }
  const [only] = fleets;
  if (only && fleets.length === 1) return only;
  throw new UsageError(`say which fleet: this stack has ${names}`);
}

/** What the config wants of a fleet, which is what scaling changes. */
export function configured({ name, config }: Fleet): NonNullable<Fleet["config"]> {
  if (config) return config;
  throw new UsageError(
    `fleet "${name}" is not in the stack's config, so its number of workers is the program's: change it there and run pulumi up`,
  );
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.join(", ");
}
