import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Report } from "./figures.ts";
import { capital, headlines, type Section, sections, titleOf } from "./text.ts";

/** One file that needs nothing else: no server, no network. */
export function page(report: Report): string {
  const own = (file: string) => readFileSync(join(import.meta.dirname, file), "utf8");
  const chartJs = readFileSync(fileURLToPath(new URL("chart.umd.js", import.meta.resolve("chart.js"))), "utf8");
  const title = escaped(titleOf(report));
  const facts = headlines(report).map(
    ([name, value]) => `<div class="fact"><span>${escaped(name)}</span><strong>${escaped(value)}</strong></div>`,
  );
  const charts = [
    chart("days", "Cost by day", "Dollars by day, stacked by fleet"),
    ...(report.size.length > 0 ? [chart("size", "Workers over time", "Workers, and those that run, over time")] : []),
    chart("gpus", "Cost by GPU", "Dollars by GPU"),
    ...(report.byGpu.some(({ unitsPerUsd }) => unitsPerUsd !== undefined)
      ? [chart("efficiency", `${capital(report.unit)} for $1, by GPU`, `${report.unit} for each dollar, by GPU`)]
      : []),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>${title}</title>
<style>${own("page.css")}</style>
</head>
<body>
<main>
<h1>${title.replaceAll(/\d{4}-\d{2}-\d{2}/g, '<span class="date">$&</span>')}</h1>
<div class="facts">${facts.join("\n")}</div>
<div class="cards">${[...charts, ...sections(report).map(card)].join("\n")}</div>
<footer>${report.notes.map((note) => `<p>${escaped(note)}</p>`).join("")}</footer>
</main>
<script>${chartJs}</script>
<script>const REPORT = ${inScript(JSON.stringify(report))};
${own("page.js")}</script>
</body>
</html>
`;
}

function chart(id: string, title: string, says: string): string {
  return `<section class="card"><h2>${escaped(title)}</h2><div class="chart"><canvas id="${id}" role="img" aria-label="${escaped(says)}"></canvas></div></section>`;
}

function card({ title, head, rows }: Section): string {
  const cells = (tag: "td" | "th", values: readonly string[]) =>
    // "Games/USD" may be broken on a phone.
    `<tr>${values.map((value) => `<${tag}>${escaped(value).replaceAll("/", "/<wbr>")}</${tag}>`).join("")}</tr>`;
  const kind = title === "Interruptions" ? ' class="text"' : "";
  return `<section class="card"><h2>${escaped(title)}</h2><div class="scroll"><table${kind}><thead>${cells("th", head)}</thead><tbody>${rows.map((values) => cells("td", values)).join("")}</tbody></table></div></section>`;
}

function escaped(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replaceAll(/[&<>"]/g, (character) => names[character] ?? character);
}

/** Whatever a label says, it ends no script. */
function inScript(text: string): string {
  return text.replaceAll("<", "\\x3c");
}
