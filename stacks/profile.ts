import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { z } from "zod";

const variableName = z.string().regex(/^[A-Z][A-Z0-9_]*$/, "must be the name of an environment variable");
const variables = z.record(variableName, z.union([z.string(), z.number()]).transform(String));
export const variablesSchema = variables.default({});

/** What a profile says besides the inputs of its workers. */
const extrasSchema = z.object({
  /** Values for `${NAME}` in `env`, `offer` and `uploads`; a fleet's own and the environment's come first. */
  variables: variablesSchema,
  /** Environment variable of the worker → secret of the stack config (`pulumi-vast:<key>`), or that variable here. */
  secretEnv: z.record(variableName, z.string()).default({}),
  /** How workers join a network of their own, and what `vast-fleet mesh` asks them over SSH. */
  mesh: z
    .strictObject({
      join: z.string().describe("runs before `onstart` at every start"),
      address: z.string().describe("prints the worker's address"),
      reach: z.string().optional().describe("succeeds when the worker reaches {address}"),
      restart: z.string().optional(),
    })
    .optional(),
  /** A limit that all workers with the same `to` share. */
  uploads: z
    .strictObject({ to: z.string(), everySeconds: z.coerce.number().positive(), perHour: z.number().positive() })
    .optional(),
});
export type Uploads = NonNullable<z.output<typeof extrasSchema>["uploads"]>;

type Inputs = Record<string, unknown>;

export interface Completed {
  inputs: Inputs;
  uploads: Uploads | undefined;
}

/** Where values come from that no file holds. */
export interface Sources {
  env: NodeJS.ProcessEnv;
  secret: (key: string) => pulumi.Output<string> | undefined;
}

/**
 * The inputs of a worker, from a profile with its variables, secrets and mesh.
 * @throws pulumi.RunError naming what is missing and where to put it
 */
export function completeProfile(
  where: string,
  profile: Inputs,
  own: Record<string, string>,
  sources: Sources,
): Completed {
  const { variables: ignored, secretEnv, mesh, uploads, ...inputs } = profile;
  const values = { ...variablesSchema.parse(profile.variables), ...definedOf(sources.env, profile.variables), ...own };
  const fill = (value: unknown, asYaml: boolean) => filled(value, values, asYaml, where);
  const parsed = extrasSchema.safeParse({ ...profile, uploads: fill(uploads, false) });
  if (!parsed.success) throw new pulumi.RunError(`${where} is not right:\n${z.prettifyError(parsed.error)}`);
  const extras = parsed.data;
  const env = {
    ...(fill(inputs.env, false) as Inputs | undefined),
    ...secretsOf(where, extras.secretEnv, sources),
    ...(extras.mesh ? { VAST_FLEET_MESH: meshCommands(extras.mesh) } : {}),
  };
  const join = extras.mesh?.join;
  const onstart = [join, inputs.onstart].filter((part) => typeof part === "string").join("\n");
  return {
    inputs: {
      ...inputs,
      offer: offerOf(fill(inputs.offer, true)),
      ...(Object.keys(env).length > 0 ? { env } : {}),
      ...(onstart === "" ? {} : { onstart }),
    },
    uploads: extras.uploads,
  };
}

/** Config wins over the environment, and that over the profile: a fleet that must not follow a shell has its own. */
function definedOf(env: NodeJS.ProcessEnv, declared: unknown): Record<string, string> {
  const names = Object.keys((declared as object | undefined) ?? {});
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

/** A number stays one where a number is wanted: as YAML reads what then stands there. */
function filled(value: unknown, values: Record<string, string>, asYaml: boolean, where: string): unknown {
  if (Array.isArray(value)) return value.map((item) => filled(item, values, asYaml, where));
  if (typeof value === "object" && value !== null && !pulumi.Output.isInstance(value))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, values, asYaml, where)]));
  if (typeof value !== "string" || !value.includes("${")) return value;
  const text = value.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const found = values[name];
    if (found === undefined)
      throw new pulumi.RunError(`${where} uses \${${name}}, which its \`variables\` do not have`);
    return found;
  });
  return asYaml ? parse(text) : text;
}

/** Names of GPUs one after the other, as the field's ZEB_GPUS has them. */
function offerOf(offer: unknown): unknown {
  const { gpu } = (offer ?? {}) as { gpu?: unknown };
  return typeof gpu === "string" && /_\S* /.test(gpu) ? { ...(offer as Inputs), gpu: gpu.trim().split(/\s+/) } : offer;
}

function secretsOf(where: string, wanted: Record<string, string>, { env, secret }: Sources): Inputs {
  return Object.fromEntries(
    Object.entries(wanted).map(([name, key]) => {
      const value = secret(key) ?? (env[name] ? pulumi.secret(env[name]) : undefined);
      if (value !== undefined) return [name, value];
      throw new pulumi.RunError(
        `${where} needs ${name}: pulumi config set --secret pulumi-vast:${key}, or set ${name} in the environment`,
      );
    }),
  );
}

function meshCommands({ address, reach, restart }: NonNullable<z.output<typeof extrasSchema>["mesh"]>): string {
  return JSON.stringify({ address, reach, restart });
}

/**
 * Workers that upload to one place share its limit, whatever fleet they are of (worker runbook, "HuggingFace rate limit").
 * @throws pulumi.RunError naming the place, the rate and what to change
 */
export function checkUploads(fleets: readonly { name: string; workers: number; uploads: Uploads | undefined }[]): void {
  const uploading = fleets.flatMap(({ name, workers, uploads }) => (uploads ? [{ name, workers, ...uploads }] : []));
  for (const [to, sharing] of Map.groupBy(uploading, (fleet) => fleet.to)) {
    const rate = sharing.reduce((sum, { workers, everySeconds }) => sum + (workers * 3600) / everySeconds, 0);
    const perHour = Math.min(...sharing.map((fleet) => fleet.perHour));
    if (rate <= perHour) continue;
    const workers = sharing.reduce((sum, fleet) => sum + fleet.workers, 0);
    throw new pulumi.RunError(
      `${sharing.map(({ name }) => name).join(", ")}: ${workers} workers would upload to ${to} ${Math.round(rate)} times an hour, and it takes ${perHour}: let each upload every ${Math.ceil((workers * 3600) / perHour)} s or less often, or have fewer workers`,
    );
  }
}
