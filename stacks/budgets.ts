import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { budgetRules, budgetsSchema, limitsSchema, type StackLimits } from "pulumi-vast/internal/fleet/budgets";
import { parse } from "yaml";
import { z } from "zod";

const LEVEL = "enforcementLevel";

/** A rule's config as Pulumi takes it: a level, or keys and perhaps a level. */
function ruleSchema<Shape extends z.ZodRawShape>(shape: Shape) {
  const keys = z.looseObject({ ...shape, [LEVEL]: z.string().optional() }).partial();
  return z.preprocess((given) => (typeof given === "string" ? { [LEVEL]: given } : (given ?? {})), keys);
}

const byName = z.record(z.string(), limitsSchema);
const policiesSchema = z.looseObject({
  all: ruleSchema({}),
  "fleet-budget": ruleSchema({ fleets: byName }),
  "team-budget": ruleSchema({ teams: byName }),
  "stack-budget": ruleSchema({ stack: limitsSchema, project: limitsSchema }),
});

/**
 * What this stack may spend, as the policies hold it: stacks/budgets.yaml, and before it the stack's own config of the
 * budget rules. A rule that is disabled holds nothing.
 * @throws pulumi.RunError naming what is not right, and where
 */
export function readLimits(
  config = new pulumi.Config("pulumi-vast"),
  file = join(import.meta.dirname, "budgets.yaml"),
): StackLimits {
  const written = existsSync(file) ? parse(readFileSync(file, "utf8")) : undefined;
  const budgets = checked("stacks/budgets.yaml", budgetsSchema, written);
  const own = checked("config pulumi-vast:policies", policiesSchema, config.getObject("policies") ?? {});
  const agreed = budgetRules(budgets, { project: pulumi.getProject(), stack: pulumi.getStack() });
  const held = <Rule extends keyof typeof agreed>(rule: Rule) => {
    const level = own[rule][LEVEL] ?? own.all[LEVEL];
    return level === "disabled" ? {} : { ...agreed[rule], ...own[rule] };
  };
  return {
    stack: {},
    project: {},
    teams: {},
    fleets: {},
    ...held("fleet-budget"),
    ...held("team-budget"),
    ...held("stack-budget"),
  };
}

function checked<Schema extends z.ZodType>(what: string, schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new pulumi.RunError(`${what} is not right:\n${z.prettifyError(parsed.error)}`);
}
