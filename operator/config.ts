import type { CommonOptions } from "./options.ts";
import { effective, type Setting } from "./settings.ts";
import { type OperatorStack, openStack } from "./stack.ts";
import { coloured, EXIT, printJson, table } from "./terminal.ts";

export async function config(options: CommonOptions): Promise<number> {
  const stack = await openStack(options);
  const settings = [...effective((key) => stack.config(key), process.env), ...ofFleets(stack)];
  if (options.json) printJson({ stack: stack.name, settings });
  else {
    const rows = settings.map(({ name, value, source, what }) => [name, value ?? "", dimmed(source), what]);
    console.log(table(["Setting", "Value", "From", "What it is"], rows));
  }
  return EXIT.ok;
}

function dimmed(source: string): string {
  return source === "default" || source === "not set" ? coloured("dim", source) : source;
}

function ofFleets({ fleets, project }: OperatorStack): Setting[] {
  return Object.entries(fleets.read()).map(([name, { profile, workers }]) => ({
    name: `fleet ${name}`,
    value: `${workers} x ${profile ?? "?"}`,
    source: `${project}:fleets`,
    what: "workers and profile",
  }));
}
