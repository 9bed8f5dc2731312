import { workerNumbers } from "pulumi-vast/internal/fleet/worker-numbers";
import type { FleetEdit } from "./config.ts";
import type { Fleet } from "./read.ts";

/** The config of a fleet without the workers of these numbers; the others keep theirs. */
export function without({ name, config }: Fleet, going: ReadonlySet<number>): FleetEdit[] {
  if (!config) return [];
  const wanted = workerNumbers(config.workers, config.absent);
  const staying = wanted.filter((number) => !going.has(number));
  if (staying.length === wanted.length) return [];
  return withNumbers(name, staying, config.absent);
}

/** The config of a fleet with just the workers of these numbers; `absentNow` is what it leaves out already. */
export function withNumbers(fleet: string, numbers: readonly number[], absentNow: readonly number[]): FleetEdit[] {
  const upTo = numbers.at(-1) ?? -1;
  const absent = Array.from({ length: upTo + 1 }, (_, number) => number).filter((number) => !numbers.includes(number));
  const stays = JSON.stringify(absent) === JSON.stringify(absentNow);
  return [
    { fleet, path: ["workers"], value: numbers.length },
    ...(stays ? [] : [{ fleet, path: ["absent"], value: absent.length > 0 ? absent : undefined }]),
  ];
}
