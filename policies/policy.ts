import {
  type PolicyConfigSchema,
  type ResourceValidationArgs,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
  UnknownValueError,
} from "@pulumi/policy";
import { z } from "zod";
import type { Exceptions } from "./exceptions.ts";
import { type Kind, kindOf } from "./resources.ts";
import { type About, type AnyRule, type Check, type Known, type Problem, type Remedy, UNKNOWN } from "./rule.ts";
import { fleetOf, Stack } from "./stack.ts";

/** What a run of the pack knows besides the rules. */
export interface Run {
  now: () => Date;
  exceptions: Exceptions;
  isPreview: boolean;
}

/** One object is both kinds of policy where a rule is about single resources and about the stack. */
export type DeclaredPolicy = ResourceValidationPolicy & Partial<Pick<StackValidationPolicy, "validateStack">>;

/** A rule as Pulumi runs it. */
export function toPolicy(rule: AnyRule, run: Run): DeclaredPolicy {
  const validations = [
    ...(rule.checks === undefined ? [] : [ofResource(rule, rule.checks, run)]),
    ...(rule.heldDuringUpdates === undefined || run.isPreview ? [] : [duringUpdate(rule, rule.heldDuringUpdates, run)]),
  ];
  return {
    name: rule.name,
    description: rule.description,
    enforcementLevel: rule.level,
    configSchema: configSchema(rule.config),
    tags: [rule.pack],
    ...(validations.length === 0 ? {} : { validateResource: validations }),
    ...(rule.stack === undefined ? {} : { validateStack: ofStack(rule, run) }),
    ...(rule.remedy === undefined ? {} : { remediateResource: remediation(rule, rule.remedy) }),
  };
}

type Validation = (args: ResourceValidationArgs, report: (message: string) => void) => void;

function ofResource(rule: AnyRule, byKind: NonNullable<AnyRule["checks"]>, run: Run): Validation {
  return (args, report) => {
    const kind = kindOf(args.type);
    const checks = kind && byKind[kind];
    if (checks === undefined || run.exceptions.excuses(rule.name, args.name)) return;
    const config = parseConfig(rule, args.getConfig());
    const known = new Knowledge();
    for (const check of checks as readonly Check<unknown, unknown>[]) {
      const problem = known.read(() => check(args.props, config, aboutOf(args, run)));
      if (typeof problem === "string") report(`${args.name}: ${problem}`);
    }
    known.throwUnknown();
  };
}

function aboutOf({ name, opts }: ResourceValidationArgs, { now }: Run): About {
  return { name, fleet: fleetOf(opts.parent), secrets: opts.additionalSecretOutputs, now: now() };
}

function ofStack(rule: AnyRule, run: Run): StackValidationPolicy["validateStack"] {
  return (args, report) => {
    const known = new Knowledge();
    for (const { message, urn } of problems(rule, run, Stack.of(args.resources), args.getConfig(), known.read)) {
      report(message, urn);
    }
    known.throwUnknown();
  };
}

/** What this run has declared so far, held to the rule before the next of it is rented. */
function duringUpdate(rule: AnyRule, kinds: readonly (Kind | undefined)[], run: Run): Validation {
  const soFar = new Stack();
  return (args, report) => {
    if (!kinds.includes(kindOf(args.type))) return;
    soFar.add(args);
    const { read } = new Knowledge();
    for (const { message } of problems(rule, run, soFar, args.getConfig(), read)) report(`${args.name}: ${message}`);
  };
}

function problems(rule: AnyRule, run: Run, stack: Stack, given: object, known: Known): Problem[] {
  const config = parseConfig(rule, given);
  return [...(rule.stack?.(stack, config as never, known) ?? [])].filter(
    ({ subject }) => !run.exceptions.excuses(rule.name, subject),
  );
}

/** Lets a rule go on beside a value that a preview does not know, and remembers that there was one. */
class Knowledge {
  #unknown: UnknownValueError | undefined;

  readonly read: Known = (read) => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof UnknownValueError)) throw error;
      this.#unknown ??= error;
      return UNKNOWN;
    }
  };

  /** Pulumi's way of being told that a rule could not be judged to its end. */
  throwUnknown(): void {
    if (this.#unknown !== undefined) throw this.#unknown;
  }
}

function remediation(
  rule: AnyRule,
  byKind: NonNullable<AnyRule["remedy"]>,
): ResourceValidationPolicy["remediateResource"] {
  return (args) => {
    const kind = kindOf(args.type);
    const remedy = kind && byKind[kind];
    if (remedy === undefined) return undefined;
    const changes = (remedy as Remedy<unknown, unknown>)(args.props, parseConfig(rule, args.getConfig()));
    if (changes === undefined) return undefined;
    setIn(args.props, changes);
    return args.props;
  };
}

/** In place: the properties are proxies that keep secrets secret, which a copy would lose. */
function setIn(target: Record<string, unknown>, changes: object): void {
  for (const [key, value] of Object.entries(changes)) {
    const nested = isObject(value) ? target[key] : undefined;
    if (isObject(nested)) setIn(nested, value);
    else target[key] = value;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function configSchema(config: z.ZodObject): PolicyConfigSchema {
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
