import { z } from "zod";

export const HOURS_PER_DAY = 24;
/** As the service counts a month (vast-api.md 1.6). */
export const HOURS_PER_MONTH = 720;

const usd = z.number().positive("must be above 0 USD");

export const limitsSchema = z.strictObject({
  perHour: usd.optional().describe("USD"),
  perDay: usd.optional().describe("USD in 24 hours"),
  perMonth: usd.optional().describe("USD in 720 hours"),
});
export type Limits = z.output<typeof limitsSchema>;

const byName = z
  .record(z.string().min(1), limitsSchema)
  .nullish()
  .transform((limits) => limits ?? {});

/** stacks/budgets.yaml. */
export const budgetsSchema = z
  .strictObject({ teams: byName, projects: byName, stacks: byName, fleets: byName })
  .nullish()
  .transform((budgets) => budgets ?? { teams: {}, projects: {}, stacks: {}, fleets: {} });
export type Budgets = z.output<typeof budgetsSchema>;

/** What one stack is held to. */
export interface StackLimits {
  stack: Limits;
  project: Limits;
  teams: Record<string, Limits>;
  fleets: Record<string, Limits>;
}

/** Config of the rules that hold the budgets of a stack, by rule. */
export function budgetRules(
  { teams, projects, stacks, fleets }: Budgets,
  { project, stack }: { project: string; stack: string },
) {
  return {
    "fleet-budget": { fleets },
    "team-budget": { teams },
    "stack-budget": { stack: stacks[stack] ?? {}, project: projects[project] ?? {} },
  };
}

/** A limit, and what a price comes to in its period. */
export interface Use {
  period: "hour" | "day" | "month";
  /** USD in that period. */
  amount: number;
  limit: number;
}

/** What a price, USD/h, comes to under each limit when it is paid without a break. */
export function usesOf(dph: number, { perHour, perDay, perMonth }: Limits): Use[] {
  const all = [
    { period: "hour", amount: dph, limit: perHour },
    { period: "day", amount: dph * HOURS_PER_DAY, limit: perDay },
    { period: "month", amount: dph * HOURS_PER_MONTH, limit: perMonth },
  ] as const;
  return all.flatMap(({ period, amount, limit }) => (limit === undefined ? [] : [{ period, amount, limit }]));
}

/** A sum of prices such as 0.1 + 0.2 must not break a limit of 0.3. */
export function isOver({ amount, limit }: Use): boolean {
  return amount > limit + 1e-9;
}

/** The limits that a price, USD/h, breaks. */
export function breaches(dph: number, limits: Limits): Use[] {
  return usesOf(dph, limits).filter(isOver);
}
