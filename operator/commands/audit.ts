import { Command } from "commander";
import { type CommonOptions, contractId, withCommonOptions } from "../options.ts";
import { UsageError } from "../terminal.ts";

export interface AuditOptions extends CommonOptions {
  markdown?: boolean;
  /** Folder of the pack, from that of the project. */
  policyPack: string;
  allow?: number[];
}

export function auditCommand(): Command {
  const command = new Command("audit")
    .description("hold what runs to the policies: the state by the packs, the account for what no stack asked for")
    .option("--markdown", "print the result as Markdown, for an issue")
    .option("--policy-pack <folder>", "the pack to judge by, from the project's folder", "policies")
    .option(
      "--allow <ids...>",
      "contracts and volumes that may be outside any stack",
      (text, earlier: number[] = []) => [...earlier, contractId(text)],
    )
    .addHelpText(
      "after",
      `
Needs no preview and changes nothing: for a nightly job. Rules, levels, config and exceptions are those of every preview.
Beside them: contracts and volumes outside any stack, lost, expired, or stopped and still billing.

Examples:
  vast-fleet audit                         the selected stack, as a table
  vast-fleet audit --stack prod --markdown > issue.md
  vast-fleet audit --allow 36700002        a machine that was agreed on
  vast-fleet audit --json | jq '.findings[] | select(.level == "mandatory")'

Exit code: 0 no mandatory violation, 1 it failed, 2 wrong usage, 3 something mandatory is violated.`,
    );
  return withCommonOptions(command).action(async (options: AuditOptions) => {
    if (options.json && options.markdown) throw new UsageError("--json and --markdown: give one or the other");
    const { audit } = await import("../audit/run.ts");
    process.exitCode = await audit(options);
  });
}
