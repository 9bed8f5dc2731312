import type {
  EnforcementLevel,
  PolicyConfigSchema,
  ResourceValidation,
  ResourceValidationPolicy,
} from "@pulumi/policy";
import { z } from "zod";
import { type Resources, TOKENS } from "./resources.ts";

/**
 * Judges the inputs of one resource: what is wrong with them and how to put it right, or undefined. Reading a value that
 * a preview does not know yet throws, which Pulumi reports as "can't run … during preview", neither violation nor pass:
 * so a check reads what may be unknown last, and a rule keeps what can be judged apart in separate checks.
 */
export type Check<Inputs, Config> = (inputs: Inputs, config: Config) => string | undefined;

export interface Rule<Config extends z.ZodObject = z.ZodObject> {
  name: string;
  /** What has to hold; heads every message. */
  description: string;
  /** The loss it prevents. */
  why: string;
  /** Where the rule comes from: field notes (VAST1 to VAST13) and other documents. */
  source: string;
  level: Exclude<EnforcementLevel, "disabled">;
  /** Every key with its unit and default. */
  config: Config;
  checks: { [Kind in keyof Resources]?: readonly Check<Resources[Kind], z.output<Config>>[] };
}

/** A rule whose config is its own business. */
export type AnyRule = Omit<Rule, "checks"> & {
  checks: { [Kind in keyof Resources]?: readonly Check<Resources[Kind], never>[] };
};

export function defineRule<Config extends z.ZodObject>(rule: Rule<Config>): Rule<Config> {
  return rule;
}

/** Each check is a validation of its own: Pulumi goes on with the next one when a check meets an unknown value. */
export function toPolicy(rule: AnyRule): ResourceValidationPolicy {
  return {
    name: rule.name,
    description: rule.description,
    enforcementLevel: rule.level,
    configSchema: configSchema(rule.config),
    validateResource: Object.entries(TOKENS).flatMap(([kind, token]) =>
      (rule.checks[kind as keyof Resources] ?? []).map((check) =>
        validation(rule, token, check as Check<unknown, unknown>),
      ),
    ),
  };
}

function validation(rule: AnyRule, token: string, check: Check<unknown, unknown>): ResourceValidation {
  return (args, report) => {
    if (args.type !== token) return;
    const problem = check(args.props, parseConfig(rule, args.getConfig()));
    if (problem !== undefined) report(`${args.name}: ${problem}`);
  };
}

function configSchema(config: z.ZodObject): PolicyConfigSchema {
  const { properties = {} } = z.toJSONSchema(config, { target: "draft-7", io: "input" });
  return { properties: properties as PolicyConfigSchema["properties"] };
}

function parseConfig(rule: AnyRule, given: object): unknown {
  const parsed = rule.config.safeParse(given);
  if (parsed.success) return parsed.data;
  const error = new Error(
    `the config of policy "${rule.name}" is not usable, so nothing was judged by it:\n${z.prettifyError(parsed.error)}`,
  );
  // The runner prints an error's stack; the person who wrote the config needs the sentence.
  error.stack = error.message;
  throw error;
}
