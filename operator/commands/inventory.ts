import { Command, Option } from "commander";
import { type CommonOptions, withCommonOptions } from "../options.ts";

export interface InventoryOptions extends CommonOptions {
  format: "yaml" | "json" | "ssh";
  out?: string;
}

export function inventoryCommand(): Command {
  const command = new Command("inventory")
    .description("the machines of the stack as a hosts file (YAML), as JSON, or as an SSH config")
    .argument("[prefix]", "only labels that are this, or begin with this and a -")
    .addOption(new Option("--format <format>", "how").choices(["yaml", "json", "ssh"]).default("yaml"))
    .option("--out <file>", "write it there, whole or not at all; default: stdout")
    .addHelpText(
      "after",
      `
Mesh addresses are those that \`vast-fleet mesh discover\` found last. --json is --format json.

Examples:
  vast-fleet inventory --out config/distributed_hosts.yaml
  vast-fleet inventory --format ssh --out ~/.ssh/config.d/vast    then: ssh trainer-worker-0
  vast-fleet inventory trainer --json | jq -r '.vast_instances[].label'

Exit code: 0 ok, 1 it failed, 2 wrong usage.`,
    );
  return withCommonOptions(command).action(async (prefix: string | undefined, options: InventoryOptions) => {
    const { inventory } = await import("../inventory.ts");
    process.exitCode = await inventory(prefix, { ...options, format: options.json ? "json" : options.format });
  });
}
