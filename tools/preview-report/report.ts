import { TOKENS } from "../../policies/resources.ts";
import { HOURS_PER_DAY, HOURS_PER_MONTH } from "../../provider/fleet/budgets.ts";
import { table } from "../reference/markdown.ts";
import type { Finding, Preview, Step } from "./events.ts";

/** By it the comment of a pull request is found again and updated in place. */
export function markerOf(stack: string): string {
  return `<!-- pulumi-vast preview of ${stack} -->`;
}

/** The comment: plan, cost before and after, violations, exceptions. */
export function markdown(preview: Preview, stack: string): string {
  const { findings } = preview;
  const open = findings.filter(({ message }) => message.startsWith("can't run policy"));
  const exceptions = findings.filter(({ rule }) => rule === "exceptions-in-force");
  const judged = findings.filter((finding) => !open.includes(finding) && !exceptions.includes(finding));
  const refused = judged.filter(({ level }) => level === "mandatory");
  const warned = judged.filter(({ level }) => level !== "mandatory");
  // What the engine says of a refusal besides the violations themselves.
  const errors = preview.errors.filter((error) => refused.length === 0 || error !== "preview failed");
  const verdict =
    refused.length > 0
      ? `❌ refused by ${count(refused.length, "policy violation")}${errors.length > 0 ? ", and failed" : ""}`
      : errors.length > 0
        ? "❌ the preview failed"
        : "✅ may be applied";
  return [
    markerOf(stack),
    `## Preview of \`${stack}\`: ${verdict}`,
    section("Errors", errors.map((error) => `- ${oneLine(error)}`).join("\n")),
    section("Violations", findingTable(refused)),
    section("Warnings", findingTable(warned)),
    section(
      "Exceptions in force",
      exceptions.map(({ subject, message }) => `- **${subject}**: ${oneLine(message)}`).join("\n"),
    ),
    section("Cost", [costTable(preview), pricesNow(preview)].filter((part) => part !== "").join("\n\n")),
    section("Plan", planTable(preview.steps)),
    section("Not known before the update", open.map(({ rule, subject }) => `- \`${rule}\` of ${subject}`).join("\n")),
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .concat("\n");
}

function section(title: string, body: string): string {
  return body === "" ? "" : `### ${title}\n\n${body}`;
}

function findingTable(findings: readonly Finding[]): string {
  if (findings.length === 0) return "";
  const rows = findings.map(({ rule, subject, message }) => ({ rule: `\`${rule}\``, where: subject, what: message }));
  return table(["rule", "where", "what"], rows);
}

/** A replacement shows as one line of its own, besides the two steps that it is made of. */
const PARTS_OF_A_REPLACEMENT = ["create-replacement", "delete-replaced"];

const UNCHANGED = ["same", "read"];
/** The plugins that resources are made by: nothing of the plan. */
const PROVIDERS = "pulumi:providers:";

function planTable(steps: readonly Step[]): string {
  const changes = steps.filter(
    ({ op, type }) => !UNCHANGED.includes(op) && !PARTS_OF_A_REPLACEMENT.includes(op) && !type.startsWith(PROVIDERS),
  );
  if (changes.length === 0) return "Nothing changes.";
  // The engine tells them in the order in which it got to them.
  const ordered = changes.toSorted(
    (a, b) => a.op.localeCompare(b.op) || a.name.localeCompare(b.name, "en", { numeric: true }),
  );
  const rows = ordered.map(({ op, type, name, because }) => ({
    op,
    resource: name,
    type: type.split(":").at(-1) ?? type,
    because: because.join(", "),
  }));
  return table(["op", "resource", "type", "because"], rows);
}

interface Cost {
  /** USD/h of what exists. */
  before: number;
  /** USD/h once applied: what stays at its price, what is new at its price cap. */
  after: number;
  /** New resources that declare no cap. */
  uncapped: string[];
}

export function costOf(steps: readonly Step[]): Cost {
  const cost: Cost = { before: 0, after: 0, uncapped: [] };
  for (const step of steps) {
    const isVolume = step.type === TOKENS.volume[0];
    if ((!isVolume && step.type !== TOKENS.instance[0]) || PARTS_OF_A_REPLACEMENT.includes(step.op)) continue;
    const paid = numberOf(step.old?.dph) ?? 0;
    cost.before += paid;
    if (step.op === "delete") continue;
    if (step.op !== "create" && step.op !== "replace") {
      cost.after += paid;
      continue;
    }
    const cap = numberOf(isVolume ? step.new?.maxDph : (step.new?.offer as { maxDph?: unknown } | undefined)?.maxDph);
    if (cap === undefined) cost.uncapped.push(step.name);
    cost.after += cap ?? 0;
  }
  return cost;
}

function costTable({ steps, prices }: Preview): string {
  const { before, after, uncapped } = costOf(steps);
  const row = (cost: string, dph: number) => rowOf(cost, [dph, dph * HOURS_PER_DAY, dph * HOURS_PER_MONTH]);
  const rows = [
    row("before", before),
    ...sumNow(prices).map((sums) => rowOf("after, at the market's prices now", sums)),
    row("after, at most (price caps)", after),
    row("difference, at most", after - before),
  ];
  const note = uncapped.length === 0 ? "" : `\n\nWithout a price cap, and not in the sum: ${uncapped.join(", ")}.`;
  return table(["cost", ...NUMBERS], rows, NUMBERS) + note;
}

const NUMBERS = ["per hour", "per day", "per month"] as const;

function rowOf(cost: string, [perHour = 0, perDay = 0, perMonth = 0]: readonly number[]) {
  return { cost, "per hour": usd(perHour), "per day": usd(perDay), "per month": usd(perMonth) };
}

/** USD of the whole stack per hour, day and month: the last row of the table in {@link Preview.prices}, if there is one. */
function sumNow(prices: readonly string[] | undefined): number[][] {
  const together = prices?.map(cellsOf).findLast(([name, ...cells]) => name === "together" && cells.length > 0);
  return together === undefined ? [] : [together.slice(3).map(Number)];
}

/** Its columns are two blanks apart at least; other lines are sentences. */
function cellsOf(line: string): string[] {
  return line.trim().split(/ {2,}/);
}

/** As the preview itself has said it: what each fleet would get, what budgets and credit make of the sum. */
function pricesNow({ market, prices }: Preview): string {
  const sentences = (prices ?? []).slice(1).filter((line) => cellsOf(line).length === 1);
  const offers = market.map(({ fleet, text }) => `**${fleet}**: ${oneLine(text)}`);
  const said = [...sentences.map((line) => line.trim()), ...offers];
  return said.length === 0 ? "" : ["At the market's prices now:", "", ...said.map((each) => `- ${each}`)].join("\n");
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function usd(amount: number): string {
  const sign = amount < 0 ? "−" : "";
  return `${sign}$${Math.abs(amount).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ");
}
