import { isDown } from "./change/describe.ts";
import { chosenFleet, configured } from "./fleet/find.ts";
import { type ChangingOptions, typed } from "./options.ts";
import { scaleTo } from "./scale.ts";
import { openSession } from "./session.ts";

/** What is dead is told by the provider's own diff, and repaired as any `up` would. */
export async function replenish(workers: number, name: string | undefined, options: ChangingOptions): Promise<number> {
  const session = await openSession(options);
  const all = await session.fleets();
  const fleet = chosenFleet(all, name);
  const wanted = Math.max(workers, configured(fleet).workers);
  const dead = fleet.workers.filter(isDown).map(({ label, condition }) => `${label} is ${condition}`);
  const why = [typed(), ...dead].join("; ");
  return scaleTo(session, all, { [fleet.name]: wanted }, { what: "replenish", why }, options);
}
