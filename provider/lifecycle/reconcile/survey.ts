import { listVolumes, type VolumeRow } from "../../api/volumes.ts";
import { assertHome, type Context, type Home } from "../../context.ts";
import { type Binding, bindingSchema } from "../../copy-out/inputs.ts";
import { listParked, type ParkedContract } from "../../copy-out/parked.ts";
import { findContract } from "../instance/read.ts";
import type { KnownResource, Observed, StackKnowledge } from "./findings.ts";

/**
 * Asks the service what there is, and only then the state what it knows: whatever is rented in between shows there, at
 * the least as pending, and is never taken for an orphan. Any answer that is odd, of another account or incomplete is an
 * error: nothing is concluded from it.
 */
export async function survey<Knowledge extends StackKnowledge>(
  context: Context,
  ask: () => Promise<Knowledge>,
): Promise<{ observed: Observed; known: Knowledge }> {
  const { rows } = await context.sweeper.since(context.clock.elapsedS());
  const volumes = await context.transport.call(listVolumes);
  const known = await ask();
  for (const resource of known.recorded)
    await assertHome(context, resource.props.home as Home | undefined, resource.urn);
  const gone = new Set<string>();
  for (const resource of known.recorded) if (await isGone(context, resource, volumes)) gone.add(resource.urn);
  const parked = await parkedFor(context, known);
  return { observed: { rows, volumes, parked, gone }, known };
}

async function isGone(context: Context, resource: KnownResource, volumes: readonly VolumeRow[]): Promise<boolean> {
  const { type, id, props } = resource;
  if (id === undefined) return false;
  if (type === "Instance") return (await findContract(context, id, props)) === undefined;
  if (type !== "Volume" || volumes.some((row) => row.id === Number(id))) return false;
  // One that was rented since the list was asked for is on the next.
  return !(await context.transport.call(listVolumes)).some((row) => row.id === Number(id));
}

/** Where this stack copies to, each place once, under the names of its CloudSyncTargets where it has any. */
export function targetsOf(known: StackKnowledge): Binding[] {
  const { recorded, pending, remembered = [], program = [] } = known;
  const places = new Map<string, Binding>();
  for (const { type, props } of [...recorded, ...pending, ...remembered, ...program]) {
    const copyOut = props.copyOut as { target?: unknown } | undefined;
    const parsed = bindingSchema.safeParse(type === "CloudSyncTarget" ? props.binding : copyOut?.target);
    if (parsed.success) places.set(`${parsed.data.endpoint}/${parsed.data.bucket}/${parsed.data.prefix}`, parsed.data);
  }
  return [...places.values()];
}

/**
 * The contracts parked where anything that is known copies to: the program too, for a resource that has left the state,
 * since no successor could be rented, leads to its record from there only. Records of other accounts or endpoints say
 * nothing about this one's contracts.
 */
export async function parkedFor(context: Context, known: StackKnowledge): Promise<ParkedContract[]> {
  const targets = targetsOf(known);
  if (targets.length === 0) return [];
  const { id } = await context.account();
  const records = (await Promise.all(targets.map(listParked))).flat();
  return records.filter(({ home }) => home.accountId === id && home.endpoint === context.config.endpoint);
}
