import { Command } from "commander";
import { type ChangingOptions, withYes } from "../options.ts";
import { UsageError } from "../terminal.ts";

export interface KillOptions extends ChangingOptions {
  copyOut?: boolean;
  /** The account's name: then everything in it, also of other stacks and by hand. */
  account?: string;
}

export function killCommand(): Command {
  const command = new Command("kill")
    .description(
      "EMERGENCY: destroy all contracts of this stack at once, WITHOUT copying anything out, past the engine",
    )
    .argument("[prefix]", "only fleets and labels that are this, or begin with this and a -")
    .option("--copy-out", "copy results out first: takes longer, and keeps what cannot be copied")
    .option("--account <name>", "every contract of the account, whoever rented it; type its name (its e-mail address)")
    .addHelpText(
      "after",
      `
Contracts are told by this stack's mark, lost ones included; those of other stacks are not touched without --account. What is
killed stays dead: the stack's config asks for it no more (fleets have 0 workers, or these workers fewer), so that no later up
and no monitor rents it again. Then the state is refreshed, and volumes and other people's contracts that still bill are listed.

Examples:
  vast-fleet kill                           everything of this stack, within a minute
  vast-fleet kill zeb-large --yes           one fleet, without asking
  vast-fleet kill zeb-worker-1              one worker; its fleet goes on without it
  vast-fleet kill --copy-out                through the copy-out gate
  vast-fleet kill --account me@example.com  the whole account

Exit code: 0 nothing of it is left, 1 it failed, 2 wrong usage, 3 partial: some are left, or nobody agreed.`,
    );
  return withYes(command).action(async (prefix: string | undefined, options: KillOptions) => {
    if (options.account !== undefined && (prefix !== undefined || options.copyOut))
      throw new UsageError("--account takes everything at once: neither a prefix nor --copy-out go with it");
    const { kill } = await import("../kill.ts");
    process.exitCode = await kill(prefix, options);
  });
}
