import type { EnforcementLevel } from "@pulumi/policy";
import type { z } from "zod";
import type { Kind, Resources } from "./resources.ts";
import type { Stack } from "./stack.ts";

/** What a check may know besides the inputs. */
export interface About {
  name: string;
  /** Name of the VastFleet that the resource is a worker of. */
  fleet: string | undefined;
  /** Properties that Pulumi keeps secret in the state. */
  secrets: readonly string[];
  now: Date;
}

/**
 * Judges the inputs of one resource: what is wrong with them and how to put it right, or undefined. Reading a value that
 * a preview does not know yet throws, which Pulumi reports as "can't run … during preview", neither violation nor pass:
 * so a check reads what may be unknown last, and a rule keeps what can be judged apart in separate checks.
 */
export type Check<Inputs, Config> = (inputs: Inputs, config: Config, about: About) => string | undefined;

/** Something wrong with several resources together. */
export interface Problem {
  /** What it is about, as an exception names it: a resource, a fleet, a team. */
  subject: string;
  message: string;
  /** The resource to report it at; without one it is reported at the stack. */
  urn?: string;
}

export const UNKNOWN = Symbol("not known in a preview");
/** Reads what a preview may not know yet; the rule then stays open beside what it does find. */
export type Known = <T>(read: () => T) => T | typeof UNKNOWN;
export type StackCheck<Config> = (stack: Stack, config: Config, known: Known) => Iterable<Problem>;

/** Properties to set, nested ones merged, or undefined where nothing has to change. */
export type Remedy<Inputs, Config> = (inputs: Inputs, config: Config) => object | undefined;

export interface Rule<Config extends z.ZodObject = z.ZodObject> {
  name: string;
  pack: "safety" | "cost" | "storage";
  /** What has to hold; heads every message. */
  description: string;
  /** The loss it prevents. */
  why: string;
  /** Where the rule comes from: field notes (VAST1 to VAST13), user pains and other documents. */
  source: string;
  level: Exclude<EnforcementLevel, "disabled">;
  /** Every key with its unit and default. */
  config: Config;
  checks?: { [K in Kind]?: readonly Check<Resources[K], z.output<Config>>[] };
  /** Of the whole stack: at the end of a preview, and again after an update. */
  stack?: StackCheck<z.output<Config>>;
  /**
   * A sum over these kinds is also held while an update goes on: Pulumi judges stacks only once everything is rented, so
   * without a preview before it an update would find a broken budget too late.
   */
  heldDuringUpdates?: readonly Kind[];
  /** Where exactly one value is right: what level `remediate` sets it to. */
  remedy?: { sets: string } & { [K in Kind]?: Remedy<Resources[K], z.output<Config>> };
}

/** A rule whose config is its own business. */
export type AnyRule = Omit<Rule, "checks" | "stack" | "remedy"> & {
  checks?: { [K in Kind]?: readonly Check<Resources[K], never>[] };
  stack?: StackCheck<never>;
  remedy?: { sets: string } & { [K in Kind]?: Remedy<Resources[K], never> };
};

export function defineRule<Config extends z.ZodObject>(rule: Rule<Config>): Rule<Config> {
  return rule;
}
