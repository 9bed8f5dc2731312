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
  const { findings, errors } = preview;
  const open = findings.filter(({ message }) => message.startsWith("can't run policy"));
  const exceptions = findings.filter(({ rule }) => rule === "exceptions-in-force");
  const judged = findings.filter((finding) => !open.includes(finding) && !exceptions.includes(finding));
  const refused = judged.filter(({ level }) => level === "mandatory");
  const warned = judged.filter(({ level }) => level !== "mandatory");
  const verdict =
    refused.length > 0
      ? `❌ refused by ${count(refused.length, "policy violation")}`
      : errors.length > 0
        ? "❌ the preview failed"
        : "✅ may be applied";
  return [
    markerOf(stack),
    `## Preview of \`${stack}\`: ${verdict}`,
    section("Errors", errors.map((error) => `- ${oneLine(error)}`).join("\n")),
    section("Violations", findingTable(refused)),
    section("Warnings", findingTable(warned)),
    section("Exceptions in force", exceptions.map(({ message }) => `- ${oneLine(message)}`).join("\n")),
    section("Cost", costTable(preview.steps)),
    section("Plan", planTable(preview.steps)),
    section("Not known before the update", open.map(({ rule, resource }) => `- \`${rule}\` of ${resource}`).join("\n")),
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
  const rows = findings.map(({ rule, resource, message }) => ({ rule: `\`${rule}\``, resource, message }));
  return table(["rule", "resource", "message"], rows);
}

/** A replacement shows as one line of its own, besides the two steps that it is made of. */
const PARTS_OF_A_REPLACEMENT = ["create-replacement", "delete-replaced"];

function planTable(steps: readonly Step[]): string {
  const changes = steps.filter(({ op }) => op !== "same" && op !== "read" && !PARTS_OF_A_REPLACEMENT.includes(op));
  if (changes.length === 0) return "Nothing changes.";
  const rows = changes.map(({ op, type, name, because }) => ({
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

function costTable(steps: readonly Step[]): string {
  const { before, after, uncapped } = costOf(steps);
  const row = (cost: string, dph: number) => ({
    cost,
    "per hour": usd(dph),
    "per day": usd(dph * HOURS_PER_DAY),
    "per month": usd(dph * HOURS_PER_MONTH),
  });
  const rows = [row("before", before), row("after, at most", after), row("difference", after - before)];
  const note = uncapped.length === 0 ? "" : `\n\nWithout a price cap, and not in the sum: ${uncapped.join(", ")}.`;
  return table(["cost", "per hour", "per day", "per month"], rows) + note;
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
