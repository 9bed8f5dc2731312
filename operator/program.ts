import tab from "@bomb.sh/tab/commander";
import { Command } from "commander";
import { alertsCommand } from "./commands/alerts.ts";
import { auditCommand } from "./commands/audit.ts";
import { autoscaleCommand } from "./commands/autoscale.ts";
import { configCommand } from "./commands/config.ts";
import { copyOutCommand } from "./commands/copy-out.ts";
import { downCommand } from "./commands/down.ts";
import { healthCommand } from "./commands/health.ts";
import { inventoryCommand } from "./commands/inventory.ts";
import { keepaliveCommand } from "./commands/keepalive.ts";
import { killCommand } from "./commands/kill.ts";
import { logsCommand } from "./commands/logs.ts";
import { meshCommand } from "./commands/mesh.ts";
import { monitorCommand } from "./commands/monitor.ts";
import { planCommand } from "./commands/plan.ts";
import { postmortemCommand } from "./commands/postmortem.ts";
import { reapCommand } from "./commands/reap.ts";
import { reconcileCommand } from "./commands/reconcile.ts";
import { recoverCommand } from "./commands/recover.ts";
import { replenishCommand } from "./commands/replenish.ts";
import { reportCommand } from "./commands/report.ts";
import { restartStoppedCommand } from "./commands/restart-stopped.ts";
import { scaleCommand } from "./commands/scale.ts";
import { shutdownCommand } from "./commands/shutdown.ts";
import { sshCommand } from "./commands/ssh.ts";
import { statusCommand } from "./commands/status.ts";
import { triageCommand } from "./commands/triage.ts";
import { upCommand } from "./commands/up.ts";
import manifest from "./package.json" with { type: "json" };

/** Every command of vast-fleet, with its help and its completion. */
export function vastFleet(): Command {
  const program = new Command("vast-fleet")
    .description("Operates the GPU fleets that a pulumi-vast stack has rented.")
    .version(manifest.version)
    .commandsGroup("See:")
    .addCommand(statusCommand())
    .addCommand(planCommand())
    .addCommand(triageCommand())
    .addCommand(healthCommand())
    .addCommand(logsCommand())
    .addCommand(sshCommand())
    .addCommand(configCommand())
    .addCommand(reportCommand())
    .addCommand(inventoryCommand())
    .addCommand(auditCommand())
    .addCommand(postmortemCommand())
    .commandsGroup("Change the fleet:")
    .addCommand(upCommand())
    .addCommand(scaleCommand())
    .addCommand(replenishCommand())
    .addCommand(restartStoppedCommand())
    .addCommand(reapCommand())
    .addCommand(copyOutCommand())
    .addCommand(downCommand())
    .addCommand(shutdownCommand())
    .commandsGroup("Keep it running:")
    .addCommand(monitorCommand())
    .addCommand(autoscaleCommand())
    .addCommand(keepaliveCommand())
    .addCommand(alertsCommand())
    .addCommand(meshCommand())
    .commandsGroup("Put right:")
    .addCommand(recoverCommand())
    .addCommand(reconcileCommand())
    .addCommand(killCommand())
    .addHelpText(
      "after",
      `
Run it in the folder of the Pulumi project, with the same environment as pulumi itself (login, passphrase, AWS
credentials, VAST_API_KEY).

Examples:
  vast-fleet plan                 what an up would rent and cost
  vast-fleet up 4                 four workers, after asking
  vast-fleet status               what is rented, what it costs, how to log in
  vast-fleet down                 copy results out, destroy everything
  vast-fleet reconcile            what is lost, and what to do about it

Exit codes: 0 ok, 1 failure, 2 wrong usage, 3 partial.`,
    );

  program.commandsGroup("Besides:").helpCommand("help [command]", "the same as --help");
  tab(program, { completionCommandName: "completion" });
  program.commands
    .find((command) => command.name() === "completion")
    ?.description("completion of commands and options for a shell")
    .addHelpText(
      "after",
      `
Examples:
  source <(vast-fleet completion bash)
  vast-fleet completion zsh > "\${fpath[1]}/_vast-fleet"

Exit code: 0 ok, 2 wrong usage.`,
    );
  for (const command of [program, ...program.commands])
    command.exitOverride().showHelpAfterError("(--help shows usage)");
  return program;
}
