import { HOURS_PER_DAY, HOURS_PER_MONTH, isOver, type StackLimits, type Use, usesOf } from "./budgets.ts";
import { usd } from "./place.ts";

/** What a worker or a volume costs once an `up` of this moment is through. */
export interface Price {
  name: string;
  kind: "worker" | "volume";
  /** New, or in place of one that goes. */
  toRent: boolean;
  /** By its tag, whom it is paid by. */
  team: string | undefined;
  /** USD/h all-in. Otherwise why there is none: no machine in the market does, or a preview cannot say. */
  dph: number | "no machine" | "not known";
}

/** Prices of a fleet, summed up; USD, bandwidth on top. */
export interface FleetCost {
  /** Name of the fleet; empty for instances of none. */
  fleet: string;
  workers: number;
  /** New workers and replacements. */
  toRent: number;
  /** Of those, the ones that no machine in the market satisfies now. */
  unplaced: number;
  /** Workers and volumes whose price is not known, and not in the sums either. */
  unpriced: number;
  dph: number;
  perDay: number;
  perMonth: number;
  /** USD/h of the workers of each team. */
  teams: Record<string, number>;
}

export function fleetCost(fleet: string, prices: readonly Price[]): FleetCost {
  const workers = prices.filter(({ kind }) => kind === "worker");
  const byTeam = Map.groupBy(workers, ({ team }) => team);
  const teams = [...byTeam].flatMap(([team, own]) => (team === undefined ? [] : [[team, sumOf(own)]]));
  return {
    fleet,
    workers: workers.length,
    toRent: workers.filter(({ toRent }) => toRent).length,
    unplaced: prices.filter(({ dph }) => dph === "no machine").length,
    unpriced: prices.filter(({ dph }) => dph === "not known").length,
    ...inPeriods(sumOf(prices)),
    teams: Object.fromEntries(teams),
  };
}

function sumOf(prices: readonly Price[]): number {
  return prices.reduce((sum, { dph }) => sum + (typeof dph === "number" ? dph : 0), 0);
}

type Periods = Pick<FleetCost, "dph" | "perDay" | "perMonth">;

export function inPeriods(dph: number): Periods {
  return { dph, perDay: dph * HOURS_PER_DAY, perMonth: dph * HOURS_PER_MONTH };
}

/** `$0.427/h, $10.25 a day, $307.44 a month` */
export function inWords({ dph, perDay, perMonth }: Periods): string {
  return `${usd(dph)}/h, ${dollars(perDay)} a day, ${dollars(perMonth)} a month`;
}

/** A fleet's sum, and what is not in it. */
export function costInWords(cost: FleetCost): string {
  const toRent = cost.toRent === 0 ? "nothing to rent" : `${cost.toRent} to rent`;
  const gaps = gapsOf(cost);
  const sum = cost.dph === 0 && gaps ? "" : `${inWords(cost)}, all-in`;
  return `The fleet of ${count(cost.workers, "worker")}, ${toRent}: ${[sum, gaps && `not in the sum: ${gaps}`].filter(Boolean).join("; ")}`;
}

/** What is not in a fleet's sum, or undefined when all of it is. */
function gapsOf({ unplaced, unpriced, workers }: FleetCost): string | undefined {
  const gaps = [
    unplaced > 0 ? `${unplaced} of ${count(workers, "worker")} without a machine in the market` : "",
    unpriced > 0 ? `${unpriced} whose price is not known yet` : "",
  ].filter((gap) => gap !== "");
  return gaps.length === 0 ? undefined : gaps.join(" and ");
}

/** A preview's report finds the cost of the stack by it. */
export const STACK_COST = "What this stack would cost at the market's prices now";

export interface StackCost {
  text: string;
  /** A budget is broken, or the credit does not last a day. */
  isAlarming: boolean;
}

/** All fleets of a stack against its budgets and the account's credit, USD, where that is known. */
export function stackCost(
  fleets: readonly FleetCost[],
  limits: StackLimits,
  credit: number | undefined | "not known",
): StackCost {
  const dph = fleets.reduce((sum, fleet) => sum + fleet.dph, 0);
  const budgets = budgetsOf(fleets, dph, limits);
  const hours = typeof credit === "number" && dph > 0 ? Math.max(0, credit / dph) : undefined;
  const gaps = fleets.flatMap((fleet) => {
    const missing = gapsOf(fleet);
    return missing === undefined ? [] : [`not in the sum: ${missing} (${fleet.fleet})`];
  });
  const lines = [
    `${STACK_COST} (USD all-in, bandwidth on top; a month is ${HOURS_PER_MONTH} h):`,
    ...table(fleets, dph),
    ...gaps,
    ...budgets.map(({ text }) => text),
    ...creditLine(credit, hours),
  ];
  const isAlarming = budgets.some(({ over }) => over) || (hours !== undefined && hours < HOURS_PER_DAY);
  return { text: lines.join("\n  "), isAlarming };
}

function creditLine(credit: number | undefined | "not known", hours: number | undefined): string[] {
  if (credit === undefined) return [];
  if (credit === "not known") return ["credit of the account: not known, the service did not answer"];
  const lasts = hours === undefined ? "" : `: enough for ${lasting(hours)} of this stack alone`;
  return [`credit of the account: ${dollars(credit)}${lasts}`];
}

function lasting(hours: number): string {
  const days = hours / HOURS_PER_DAY;
  return days >= 2 ? `${Math.floor(hours)} hours (${Math.floor(days)} days)` : `${hours.toFixed(1)} hours`;
}

/** Every budget that there is, and what of it would be used. */
function budgetsOf(fleets: readonly FleetCost[], dph: number, limits: StackLimits): { text: string; over: boolean }[] {
  const ofTeam = (team: string) => fleets.reduce((sum, fleet) => sum + (fleet.teams[team] ?? 0), 0);
  const held = [
    ...Object.entries(limits.fleets).flatMap(([name, own]) =>
      fleets.filter(({ fleet }) => fleet === name).map((fleet) => ({ what: `fleet ${name}`, dph: fleet.dph, own })),
    ),
    ...Object.entries(limits.teams)
      .filter(([team]) => fleets.some(({ teams }) => team in teams))
      .map(([team, own]) => ({ what: `team ${team}`, dph: ofTeam(team), own })),
    { what: "this stack", dph, own: limits.stack },
    { what: "the project, by this stack alone", dph, own: limits.project },
  ];
  return held.flatMap(({ what, dph: price, own }) => usesOf(price, own).map((use) => budgetLine(what, use)));
}

function budgetLine(what: string, use: Use): { text: string; over: boolean } {
  const { period, amount, limit } = use;
  const share = `${Math.round((amount / limit) * 100)} %`;
  const over = isOver(use);
  return {
    text: `budget of ${what}: ${dollars(amount)} of ${dollars(limit)} per ${period} (${over ? "OVER, " : ""}${share})`,
    over,
  };
}

function table(fleets: readonly FleetCost[], dph: number): string[] {
  const row = (name: string, workers: number, toRent: number, sums: Periods) => [
    name,
    String(workers),
    String(toRent),
    sums.dph.toFixed(3),
    sums.perDay.toFixed(2),
    sums.perMonth.toFixed(2),
  ];
  const total = (of: (fleet: FleetCost) => number) => fleets.reduce((sum, fleet) => sum + of(fleet), 0);
  const rows = [
    ["fleet", "workers", "to rent", "per hour", "per day", "per month"],
    ...fleets.map((fleet) => row(fleet.fleet || "(no fleet)", fleet.workers, fleet.toRent, fleet)),
    row(
      "together",
      total(({ workers }) => workers),
      total(({ toRent }) => toRent),
      inPeriods(dph),
    ),
  ];
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => (cells[column] ?? "").length)));
  return rows.map((cells) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  "),
  );
}

function dollars(amount: number): string {
  return `$${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

export function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
