import { coloured, table } from "../terminal.ts";
import type { AuditFinding } from "./finding.ts";

/** By it the issue of a stack is found again and updated in place. */
export function markerOf(stack: string): string {
  return `<!-- pulumi-vast audit of ${stack} -->`;
}

export function markdown(stack: string, findings: readonly AuditFinding[]): string {
  const parts = [
    markerOf(stack),
    `## Audit of \`${stack}\`: ${verdict(findings)}`,
    section("Violations", ofLevel(findings, "mandatory")),
    section("Warnings", ofLevel(findings, "advisory")),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

export function text(stack: string, findings: readonly AuditFinding[]): string {
  const lines = findings.map(({ rule, level, subject, message }) => [
    level === "mandatory" ? coloured("red", rule) : coloured("yellow", rule),
    level,
    subject,
    message,
  ]);
  const shown = lines.length === 0 ? "" : `${table(["Rule", "Level", "Where", "What"], lines)}\n`;
  return `${shown}${stack}: ${verdict(findings)}\n`;
}

function section(title: string, findings: readonly AuditFinding[]): string {
  if (findings.length === 0) return "";
  const rows = findings.map(({ rule, subject, message }) => `| \`${rule}\` | ${cell(subject)} | ${cell(message)} |`);
  return [`### ${title}`, "", "| rule | where | what |", "| --- | --- | --- |", ...rows].join("\n");
}

function cell(value: string): string {
  return value.replaceAll("|", "\\|").replaceAll(/\s*\n\s*/g, " ");
}

function verdict(findings: readonly AuditFinding[]): string {
  const violations = ofLevel(findings, "mandatory").length;
  const warnings = ofLevel(findings, "advisory").length;
  const warned = warnings === 0 ? "" : `, ${count(warnings, "warning")}`;
  return violations === 0 ? `✅ nothing is violated${warned}` : `❌ ${count(violations, "violation")}${warned}`;
}

function ofLevel(findings: readonly AuditFinding[], level: AuditFinding["level"]): AuditFinding[] {
  return findings.filter((finding) => finding.level === level);
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}
