import { Command } from "commander";
import { type CommonOptions, contractId, withCommonOptions } from "../options.ts";
import { UsageError } from "../terminal.ts";

export interface ReconcileOptions extends CommonOptions {
  yes?: boolean;
  refresh?: boolean;
  adopt?: boolean;
  /** True: all that nobody will ask for; otherwise these contracts and volumes. */
  destroy?: true | number[];
  target?: string;
  paths?: string[];
  waive?: string;
}

export function reconcileCommand(): Command {
  const command = new Command("reconcile")
    .description(
      "find contracts and volumes of this stack that its state does not know, and state entries whose contract is gone; settle them after asking",
    )
    .option("--refresh", "drop what is gone from the state, and creates that never ended")
    .option("--adopt", "let `pulumi up` take up what the program has a resource for")
    .option(
      "--destroy [ids...]",
      "destroy what no resource asks for (or these ids), results copied out first",
      (text, earlier: true | number[] | undefined) => [...(Array.isArray(earlier) ? earlier : []), contractId(text)],
    )
    .option("--target <name>", "with --destroy: the CloudSyncTarget of this stack to copy results to")
    .option("--paths <folders...>", "with --destroy: folders on the instance that hold results")
    .option("--waive <reason>", "with --destroy: destroy without copying, for this written reason")
    .option("--yes", "do not ask")
    .addHelpText(
      "after",
      `
Without --refresh, --adopt or --destroy it only reports. Contracts of other stacks are never touched.

Examples:
  vast-fleet reconcile                                     what is lost, and what to do about it
  vast-fleet reconcile --adopt --destroy                   settle it all, after asking
  vast-fleet reconcile --destroy 36700002 --target trainer --paths /workspace/checkpoints
  vast-fleet reconcile --destroy 36700002 --waive "a test machine, nothing of value on it"

Exit code: 0 nothing is left to settle, 1 it failed, 2 wrong usage, 3 something is left.`,
    );
  return withCommonOptions(command).action(async (options: ReconcileOptions) => {
    checkUsage(options);
    const { reconcile } = await import("../reconcile/run.ts");
    process.exitCode = await reconcile(options);
  });
}

function checkUsage({ destroy, target, paths, waive }: ReconcileOptions): void {
  if (destroy === undefined && (target !== undefined || paths !== undefined || waive !== undefined))
    throw new UsageError("--target, --paths and --waive say how to --destroy; without it they mean nothing");
  if (waive !== undefined && (target !== undefined || paths !== undefined))
    throw new UsageError("--waive copies nothing; --target and --paths say what to copy: give one or the other");
  if (waive !== undefined && waive.trim().length < 10)
    throw new UsageError("--waive needs a written reason of at least 10 characters");
}
