import type { GpuFigures, Report, Share } from "./figures.ts";

/** A table as the terminal or Markdown shows it. */
export interface Section {
  title: string;
  head: string[];
  rows: string[][];
}

const dollars = (usd: number): string => `$${usd.toFixed(2)}`;
const thousands = (value: number): string => value.toLocaleString("en-US");
const orDash = <T>(value: T | undefined, show: (value: T) => string): string =>
  value === undefined ? "-" : show(value);
export const percent = (value: number | undefined): string => orDash(value, (number) => `${number.toFixed(1)} %`);

export function duration(seconds: number | undefined): string {
  if (seconds === undefined) return "-";
  const minutes = seconds / 60;
  return minutes < 90 ? `${Math.round(minutes)} min` : `${(minutes / 60).toFixed(1)} h`;
}

/** The figures that come first. */
export function headlines(report: Report): [name: string, value: string][] {
  const { recovery, gpuUse, interruptions } = report;
  return [
    ["Cost", dollars(report.totalUsd)],
    [`GPU use, ${gpuUse.wanted}\u00a0% wanted`, percent(gpuUse.percent)],
    [`${capital(report.unit)} for $1`, orDash(report.unitsPerUsd, thousands)],
    ["Interruptions", String(interruptions.length)],
    ["Recovery, median", duration(recovery.medianS)],
    ["Recovery, worst", recovery.open > 0 ? `${recovery.open} still open` : duration(recovery.worstS)],
  ];
}

export function sections(report: Report): Section[] {
  const { unit } = report;
  const shares = (title: string, all: readonly Share[]): Section => ({
    title: `Cost by ${title}`,
    head: [capital(title), "USD", "Share"],
    rows: all.map(({ name, usd, share }) => [name, dollars(usd), percent(share)]),
  });
  return [
    shares("fleet", report.byFleet),
    shares("team", report.byTeam),
    {
      title: "GPUs",
      head: ["GPU", "USD", "Hours", "USD/h", `${capital(unit)}/s`, `${capital(unit)}/USD`, "GPU use"],
      rows: report.byGpu.map(gpuRow),
    },
    {
      title: "Cost by day",
      head: ["Day", "USD"],
      rows: report.byDay.map(({ day, usd }) => [day, dollars(usd)]),
    },
    {
      title: "Interruptions",
      head: ["When (UTC)", "Worker", "What", "Running again after"],
      rows: report.interruptions.map(({ at, label, what, recoveredAfterS, removed }) => [
        at.slice(0, 16).replace("T", " "),
        label,
        what,
        removed ? "removed" : duration(recoveredAfterS),
      ]),
    },
    {
      title: "Actions on record",
      head: ["What", "Times"],
      rows: Object.entries(report.actions).map(([what, times]) => [what, String(times)]),
    },
  ].filter(({ rows }) => rows.length > 0);
}

function gpuRow({ name, usd, hours, usdPerHour, unitsPerS, unitsPerUsd, gpuUse }: GpuFigures): string[] {
  return [
    name,
    dollars(usd),
    hours.toFixed(1),
    orDash(usdPerHour, (value) => `$${value.toFixed(3)}`),
    orDash(unitsPerS, (value) => value.toFixed(2)),
    orDash(unitsPerUsd, thousands),
    percent(gpuUse),
  ];
}

export const titleOf = ({ stack, from, to }: Report): string => `${stack}, ${from.slice(0, 10)} to ${to.slice(0, 10)}`;

export function markdown(report: Report): string {
  const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const tables = sections(report).map(({ title, head, rows }) =>
    [`## ${title}`, "", row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n"),
  );
  const facts = headlines(report).map(([name, value]) => `- ${name}: ${value}`);
  return [`# ${titleOf(report)}`, facts.join("\n"), ...tables, report.notes.join("\n")].join("\n\n").concat("\n");
}

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
