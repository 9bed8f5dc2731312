/** Rows of a table as Markdown, `numbers` to the right; what is empty in every row is left out. */
export function table<Column extends string>(
  columns: readonly Column[],
  rows: readonly Record<Column, string>[],
  numbers: readonly Column[] = [],
): string {
  const used = columns.filter((column) => rows.some((row) => row[column] !== ""));
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(used),
    line(used.map((column) => (numbers.includes(column) ? "---:" : "---"))),
    ...rows.map((row) => line(used.map((column) => cell(row[column])))),
  ].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("\n", " ").replaceAll("|", "\\|");
}

const BLOCK = /<!-- generated: (.+?) -->\n[\s\S]*?<!-- end of generated -->/g;

/** A page with its generated blocks brought up to date; what is written by hand stays. */
export function updated(page: string, blocks: Readonly<Record<string, () => string>>): string {
  return page.replaceAll(BLOCK, (_all, name: string) => {
    const block = blocks[name];
    if (!block) throw new Error(`no block is named "${name}"; there are ${Object.keys(blocks).join(", ")}`);
    return `<!-- generated: ${name} -->\n${block()}\n<!-- end of generated -->`;
  });
}
