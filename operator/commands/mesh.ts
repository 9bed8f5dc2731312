import { Argument, Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../options.ts";

export interface MeshOptions extends CommonOptions {
  prefix?: string;
  instance?: string;
}

export function meshCommand(): Command {
  const command = new Command("mesh")
    .description(
      "the network that workers join by themselves (tailscale, or any other): who is in it, at which address",
    )
    .addArgument(new Argument("<action>", "what to do").choices(["status", "discover", "restart"]))
    .option("--prefix <prefix>", "only labels that are this, or begin with this and a -")
    .option("--instance <name>", "only this worker: label, contract id, or vast-<contract id>")
    .addHelpText(
      "after",
      `
A profile's \`mesh\` says how workers join and what to ask them; everything is asked over SSH.
\`discover\` also has every worker reach for every other, and notes the addresses for \`vast-fleet inventory\`.

Examples:
  vast-fleet mesh status
  vast-fleet mesh discover && vast-fleet inventory --out config/distributed_hosts.yaml
  vast-fleet mesh restart --instance trainer-worker-2

Exit code: 0 everybody is in it, 1 it failed, 2 wrong usage, 3 somebody is not, or could not be asked.`,
    );
  return withCommonOptions(command).action(async (action: "status" | "discover" | "restart", options: MeshOptions) => {
    const { mesh } = await import("../mesh/run.ts");
    process.exitCode = await mesh(action, options);
  });
}
