import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../options.ts";

export function statusCommand(): Command {
  const command = new Command("status")
    .description("what the stack has rented: machines, state, price, SSH; what stopped ones still cost")
    .argument("[prefix]", "only labels that are this, or begin with this and a -")
    .addHelpText(
      "after",
      `
Prices are USD/h as billed at this moment: a stopped machine bills its disk, one whose host is offline nothing.

Examples:
  vast-fleet status             every contract and volume of the stack
  vast-fleet status trainer     those of fleet trainer
  vast-fleet status --json | jq .total.dph

Exit code: 0 all is well, 1 it failed, 2 wrong usage, 3 something is lost, missing or parked (see vast-fleet reconcile).`,
    );
  return withCommonOptions(command).action(async (prefix: string | undefined, options: CommonOptions) => {
    const { status } = await import("../status.ts");
    process.exitCode = await status(prefix, options);
  });
}
