import { Command, InvalidArgumentError } from "commander";
import { type ChangingOptions, count, withYes } from "../options.ts";

/** Fleet name → number of workers. */
export type Sizes = Readonly<Record<string, number>>;

export function scaleCommand(): Command {
  const command = new Command("scale")
    .description(
      "set the number of workers of fleets; those that go are copied out and destroyed, highest number first",
    )
    .argument("<fleet=N...>", "e.g. trainer=4", sizes)
    .addHelpText(
      "after",
      `
Examples:
  vast-fleet scale trainer=4
  vast-fleet scale zeb=4 zeb-large=2 --yes

Exit code: 0 all wanted workers run, 1 it failed, 2 wrong usage, 3 partial: some are missing or down, or nobody agreed.`,
    );
  return withYes(command).action(async (wanted: Sizes, options: ChangingOptions) => {
    const { scale } = await import("../scale.ts");
    process.exitCode = await scale(wanted, options);
  });
}

/** `fleet=N`, one after the other. */
export function sizes(text: string, earlier: Sizes = {}): Sizes {
  const [, fleet, number] = /^([a-z][a-z0-9-]*)=(\d+)$/.exec(text) ?? [];
  if (fleet === undefined || number === undefined) throw new InvalidArgumentError("is not like trainer=4.");
  return { ...earlier, [fleet]: count(number) };
}
