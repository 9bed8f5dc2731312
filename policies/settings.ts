import { existsSync, readFileSync } from "node:fs";
import { Config, getProject, getStack, runtime } from "@pulumi/pulumi";
import { parse } from "yaml";
import { z } from "zod";
import { type Budgets, budgetRules, budgetsSchema } from "../provider/fleet/budgets.ts";
import { Exceptions, exceptionsSchema } from "./exceptions.ts";
import type { Run } from "./policy.ts";
import type { AnyRule } from "./rule.ts";

const level = z.enum(["advisory", "mandatory", "remediate", "disabled"]);
/** By rule: a level, or config keys and perhaps a level, as Pulumi takes it. */
const packConfigSchema = z.record(z.string(), z.union([level, z.looseObject({ enforcementLevel: level.optional() })]));
type Level = z.output<typeof level>;
export type PackConfig = z.output<typeof packConfigSchema>;

/**
 * What this stack has agreed on: budgets from the file, then its own config key `pulumi-vast:policies`. The engine lets
 * `--policy-pack-config` win over both.
 * @param served the rules of this pack; the stack's config may be about rules of packs that are loaded beside it
 */
export function initialConfig(
  served: readonly AnyRule[],
  all: readonly AnyRule[],
  budgetsFile: string,
  config = stackConfig(),
): PackConfig {
  const own = checked("config pulumi-vast:policies", packConfigSchema, config.getObject("policies") ?? {});
  const known = ["all", ...all.map((rule) => rule.name)];
  const stray = Object.keys(own).find((name) => !known.includes(name));
  if (stray !== undefined) {
    throw refusal(`config pulumi-vast:policies names "${stray}", which is no rule; rules are ${known.join(", ")}`);
  }
  const agreed = withBudgets(readBudgets(budgetsFile), own);
  const levels = Object.fromEntries(
    served.map((rule) => [rule.name, own.all === undefined ? rule.level : levelOf(own.all)]),
  );
  return Object.fromEntries(
    Object.entries(agreed).flatMap(([name, given]) => {
      if (name === "all") return [[name, given]];
      // Without a level the protocol's zero value reaches the engine: advisory, for a rule that is mandatory.
      return name in levels ? [[name, { enforcementLevel: levels[name], ...keysOf(given) }]] : [];
    }),
  );
}

function withBudgets(agreed: Budgets, own: PackConfig): PackConfig {
  const budgets = budgetRules(agreed, { project: getProject(), stack: getStack() });
  const merged = Object.entries(budgets).map(([rule, config]) => [rule, { ...config, ...keysOf(own[rule]) }] as const);
  return { ...own, ...Object.fromEntries(merged) };
}

function keysOf(given: PackConfig[string] | undefined): Record<string, unknown> {
  return typeof given === "string" ? { enforcementLevel: given } : { ...given };
}

function levelOf(given: PackConfig[string]): Level | undefined {
  return typeof given === "string" ? given : given.enforcementLevel;
}

/** Budgets are the user's own: without the file there are none. */
export function readBudgets(file: string): Budgets {
  return checked(file, budgetsSchema, existsSync(file) ? parse(readFileSync(file, "utf8")) : undefined);
}

/** The exceptions of this stack, from its config key `pulumi-vast:policyExceptions`. */
export function thisRun(ruleNames: ReadonlySet<string>, config = stackConfig()): Run {
  const now = () => new Date();
  const given = config.getObject("policyExceptions") ?? [];
  const all = checked("config pulumi-vast:policyExceptions", exceptionsSchema, given);
  return { now, exceptions: new Exceptions(all, ruleNames, now), isPreview: runtime.isDryRun() };
}

function stackConfig(): Config {
  return new Config("pulumi-vast");
}

function checked<Schema extends z.ZodType>(what: string, schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw refusal(`${what} is not right:\n${z.prettifyError(parsed.error)}`);
}

/** The runner prints an error's stack; the person who wrote the config needs the sentence. */
function refusal(message: string): Error {
  const error = new Error(message);
  error.stack = message;
  return error;
}
