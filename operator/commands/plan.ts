import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../options.ts";
import { type Sizes, sizes } from "./scale.ts";

export function planCommand(): Command {
  const command = new Command("plan")
    .description("what an up would change and cost, at the market's prices now; nothing is rented and nothing changed")
    .argument("[fleet=N...]", "as if these fleets had so many workers", sizes)
    .addHelpText(
      "after",
      `
The whole stack is planned, as pulumi preview does, policies included; the stack's config stays as it is.

Examples:
  vast-fleet plan
  vast-fleet plan trainer=8
  vast-fleet plan --json | jq '.fleets[] | {fleet, dph, perDay}'

Exit code: 0 planned, 1 it would fail (a policy, a wrong input), 2 wrong usage, 3 some worker has no machine in the market now.`,
    );
  return withCommonOptions(command).action(async (wanted: Sizes | undefined, options: CommonOptions) => {
    const { plan } = await import("../plan.ts");
    process.exitCode = await plan(wanted ?? {}, options);
  });
}
