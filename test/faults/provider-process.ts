import { noPacing, sharedPacer } from "../../provider/api/pacing.ts";
import { createTransport, type Transport } from "../../provider/api/transport.ts";
import { createContext } from "../../provider/context.ts";
import type { Draws } from "../bench/draws.ts";
import type { Process } from "./engine.ts";
import { type Life, mortal } from "./life.ts";
import { API_KEY, OTHER_KEY, REVOKED_KEY, type RunWorld } from "./run-world.ts";

/** Another key than the right one, from some call of the process on. */
export interface OtherKey {
  kind: string;
  key: string;
  from: number;
}

/** A key revoked in the middle, or (where nothing can be rented with it) that of another account from the start. */
export function otherKey(draws: Draws, operation: string): OtherKey | undefined {
  if (!draws.chance(0.08)) return undefined;
  const foreign = (operation === "refresh" || operation === "destroy") && draws.chance(0.5);
  return foreign
    ? { kind: "key of another account", key: OTHER_KEY, from: 0 }
    : { kind: "key revoked in the middle", key: REVOKED_KEY, from: draws.integer(0, 30) };
}

export interface ProcessOptions {
  /** The service enforces its intervals, so calls are paced; most runs go without, for speed. */
  limited: boolean;
  key?: OtherKey | undefined;
  log: (line: string) => void;
}

/** The provider as one engine run starts it: nothing is remembered from earlier ones. */
export function startProcess(
  { url, clock: time }: RunWorld,
  life: Life,
  { limited, key, log }: ProcessOptions,
): Process {
  const clock = time.of(life);
  void life.died.then(() => time.bury(life));
  const transportOf = (apiKey: string): Transport => {
    const pacer = limited ? sharedPacer({ endpoint: url, apiKey }, clock) : noPacing;
    // Pauses always of the middle length: a run must be the same every time.
    return createTransport({ baseUrl: url, apiKey, clock, pacer, random: () => 0.5 });
  };
  const right = transportOf(API_KEY);
  const later = key === undefined ? right : transportOf(key.key);
  const call: Transport["call"] = (endpoint, ...args) =>
    (life.calls > (key?.from ?? 0) ? later : right).call(endpoint, ...args);
  const source = { endpoint: "vast:apiUrl", apiKey: "vast:apiKey" };
  const context = createContext(
    { endpoint: url, apiKey: API_KEY, clockScale: 1, waiver: undefined, source },
    { clock, transport: mortal({ ...right, call }, life), engineIsAlive: async () => life.engineAlive, log },
  );
  return { context, life };
}
