import type { KnownResource, StackKnowledge } from "pulumi-vast/internal/lifecycle/reconcile/findings";
import { z } from "zod";

/** A resource as the state has it; `props` are its inputs and outputs together, secrets in clear. */
export interface StackResource extends KnownResource {
  /** URN of the resource it belongs to, e.g. of its fleet. */
  parent?: string | undefined;
  inputs: Record<string, unknown>;
}

/** What the state knows, besides what `reconcile` needs of it. */
export interface StackState extends StackKnowledge {
  recorded: readonly StackResource[];
  pending: readonly StackResource[];
  /** URNs of the fleets that exist, also of those without workers. */
  fleets: readonly string[];
}

const FLEET_TYPE = "vast:index:Fleet";
const TYPE_PREFIX = "pulumi-nodejs:dynamic/vast:";
const typeSchema = z.enum(["Instance", "Volume", "CloudSyncTarget"]);

const resourceSchema = z.object({
  urn: z.string(),
  type: z.string(),
  id: z.string().optional(),
  parent: z.string().optional(),
  inputs: z.record(z.string(), z.unknown()).optional(),
  outputs: z.record(z.string(), z.unknown()).optional(),
});
/** An export without `resources` is a stack that is empty; anything else of another shape is an error. */
const deploymentSchema = z.object({
  resources: z.array(resourceSchema).nullish(),
  pending_operations: z.array(z.object({ type: z.string(), resource: resourceSchema })).nullish(),
});

export function knownOf(deployment: unknown): Omit<StackState, "markPrefix"> {
  const parsed = deploymentSchema.parse(deployment);
  const creating = (parsed.pending_operations ?? []).filter(({ type }) => type === "creating");
  return {
    recorded: (parsed.resources ?? []).flatMap(resourceOf),
    pending: creating.flatMap(({ resource }) => resourceOf(resource)),
    fleets: (parsed.resources ?? []).filter(({ type }) => type === FLEET_TYPE).map(({ urn }) => urn),
  };
}

export function resourceOf({ urn, type, id, parent, ...values }: z.infer<typeof resourceSchema>): StackResource[] {
  const parsed = typeSchema.safeParse(type.startsWith(TYPE_PREFIX) ? type.slice(TYPE_PREFIX.length) : undefined);
  if (!parsed.success) return [];
  const inputs = shown(values.inputs ?? {}) as Record<string, unknown>;
  const outputs = shown(values.outputs ?? {}) as Record<string, unknown>;
  return [{ urn, type: parsed.data, ...(id ? { id } : {}), parent, inputs, props: { ...inputs, ...outputs } }];
}

/** The resource's name in the program. */
export function nameOf(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

/** In an export with its secrets shown, a secret is an object that holds its value as JSON. */
export function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  const { plaintext } = value as { plaintext?: unknown };
  if (SECRET in value && typeof plaintext === "string") return JSON.parse(plaintext);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shown(item)]));
}

/** The engine's signature of values that are more than JSON. */
const SECRET = "4dabf18193072939515e22adb298388d";
