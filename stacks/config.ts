import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { z } from "zod";
import { checkUploads, completeProfile, type Sources, variablesSchema } from "./profile.ts";

/** What a worker is like: the inputs of a VastInstance, whose own check judges them in detail. */
const profileSchema = z.looseObject({
  offer: z.record(z.string(), z.unknown()),
  image: z.string(),
  disk: z.number(),
  copyOut: z.looseObject({ paths: z.array(z.string()).optional() }).optional(),
});

const fleetSchema = z.strictObject({
  profile: z.string().describe("name of a profile in stacks/profiles.yaml"),
  workers: z.int("must be a whole number").min(0).max(1000),
  /** Numbers that are left out, as the autoscaler does with idle workers in the middle. */
  absent: z.array(z.int().min(0)).default([]),
  worker: z
    .string()
    .regex(/^[a-z][a-z0-9-]*$/)
    .optional(),
  /** Values for the variables of the profile. */
  variables: variablesSchema,
  /** Inputs that differ from the profile, for all workers of the fleet. */
  with: z.record(z.string(), z.unknown()).default({}),
  overrides: z
    .record(z.string().regex(/^\d+$/, "is the number of a worker"), z.record(z.string(), z.unknown()))
    .default({}),
  volume: z.strictObject({ size: z.int().min(1), mountPath: z.string().regex(/^\/./) }).optional(),
});

const storageSchema = z.strictObject({
  bucket: z.string().min(3).max(63).optional().describe("default: <project>-<stack>-<AWS account>-<region>"),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9._/-]+$/)
    .default("results"),
});

const tagsSchema = z.record(z.string().min(1), z.string().max(256)).default({});

const fleetsSchema = z.record(
  z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, "must be lower-case letters, digits and -"),
  fleetSchema,
);

export type Profile = z.infer<typeof profileSchema>;
export type StorageConfig = z.infer<typeof storageSchema>;
export interface FleetConfig extends Omit<z.infer<typeof fleetSchema>, "profile" | "with" | "variables"> {
  profile: Profile;
}
export interface StackConfig {
  storage: StorageConfig;
  fleets: Record<string, FleetConfig>;
}

/**
 * The stack's configuration, whole and checked before any resource is declared.
 * @throws pulumi.RunError naming the config key and what to write instead
 */
export function readStackConfig(config = new pulumi.Config()): StackConfig {
  const profiles = readProfiles(join(import.meta.dirname, "profiles.yaml"));
  const storage = check("storage", storageSchema, config.getObject("storage") ?? {});
  const fleets = check("fleets", fleetsSchema, config.getObject("fleets") ?? {});
  const tags = check("tags", tagsSchema, config.getObject("tags"));
  const sources = { env: process.env, secret: (key: string) => config.getSecret(key) };
  const resolved = Object.entries(fleets).map(([name, fleet]) =>
    resolveFleet(name, fleet, { profiles, tags, sources }),
  );
  checkUploads(resolved);
  return { storage, fleets: Object.fromEntries(resolved.map(({ name, uploads, ...fleet }) => [name, fleet])) };
}

function readProfiles(file: string): Record<string, unknown> {
  const parsed = z
    .strictObject({ profiles: z.record(z.string(), z.unknown()) })
    .safeParse(parse(readFileSync(file, "utf8")));
  if (parsed.success) return parsed.data.profiles;
  throw new pulumi.RunError(`stacks/profiles.yaml: ${z.prettifyError(parsed.error)}`);
}

function resolveFleet(
  name: string,
  { profile, with: changes, variables, ...fleet }: z.infer<typeof fleetSchema>,
  { profiles, tags, sources }: { profiles: Record<string, unknown>; tags: Record<string, string>; sources: Sources },
) {
  const found = profiles[profile];
  if (found === undefined) {
    throw new pulumi.RunError(
      `config pulumi-vast:fleets.${name}.profile: there is no profile "${profile}" in stacks/profiles.yaml; it has ${Object.keys(profiles).join(", ")}`,
    );
  }
  const tagged = merge(merge(defaultsOf(process.env), { tags: { profile, ...tags } }), found);
  const where = `fleets.${name} (profile "${profile}")`;
  const whole = merge(tagged, changes) as Record<string, unknown>;
  const { inputs, uploads } = completeProfile(where, whole, variables, sources);
  const resolved = check(where, profileSchema, inputs);
  const overrides = Object.entries(fleet.overrides).map(([number, own]) => [number, overridesOf(resolved, own)]);
  return { ...fleet, name, profile: resolved, overrides: Object.fromEntries(overrides), uploads };
}

/** What profiles that do not say it get from the environment of the run. */
export function defaultsOf(env: NodeJS.ProcessEnv): Record<string, unknown> {
  const { VAST_DEFAULT_IMAGE: image, VAST_MAX_PRICE: price } = env;
  const maxDph = price === undefined || price === "" ? undefined : Number(price);
  if (maxDph !== undefined && !(maxDph > 0)) {
    throw new pulumi.RunError(`VAST_MAX_PRICE must be USD/h like 0.50, not "${price}"`);
  }
  return { ...(image ? { image } : {}), ...(maxDph === undefined ? {} : { offer: { maxDph } }) };
}

/** Like `with`, for one worker: `overrides: {"2": {offer: {minVramGb: 20}}}` keeps the rest of the offer. */
function overridesOf(profile: Profile, own: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(own).map(([key, value]) => [key, merge(profile[key], value)]));
}

/** Objects key by key, everything else replaced: `with: {offer: {maxDph: 1}}` keeps the rest of the offer. */
function merge(base: unknown, changes: unknown): unknown {
  if (!isObject(base) || !isObject(changes)) return changes ?? base;
  const keys = new Set([...Object.keys(base), ...Object.keys(changes)]);
  return Object.fromEntries([...keys].map((key) => [key, key in changes ? merge(base[key], changes[key]) : base[key]]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function check<Schema extends z.ZodType>(key: string, schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new pulumi.RunError(`config pulumi-vast:${key} is not right:\n${z.prettifyError(parsed.error)}`);
}
