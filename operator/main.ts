#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { alertsCommand } from "./commands/alerts.ts";
import { auditCommand } from "./commands/audit.ts";
import { autoscaleCommand } from "./commands/autoscale.ts";
import { healthCommand } from "./commands/health.ts";
import { inventoryCommand } from "./commands/inventory.ts";
import { keepaliveCommand } from "./commands/keepalive.ts";
import { meshCommand } from "./commands/mesh.ts";
import { monitorCommand } from "./commands/monitor.ts";
import { postmortemCommand } from "./commands/postmortem.ts";
import { reconcileCommand } from "./commands/reconcile.ts";
import { recoverCommand } from "./commands/recover.ts";
import { reportCommand } from "./commands/report.ts";
import { statusCommand } from "./commands/status.ts";
import { triageCommand } from "./commands/triage.ts";
import manifest from "./package.json" with { type: "json" };
import { EXIT, UsageError } from "./terminal.ts";

const program = new Command("vast-fleet")
  .description("Operates the GPU fleets that a pulumi-vast stack has rented.")
  .version(manifest.version)
  .addCommand(statusCommand())
  .addCommand(reconcileCommand())
  .addCommand(autoscaleCommand())
  .addCommand(reportCommand())
  .addCommand(meshCommand())
  .addCommand(inventoryCommand())
  .addCommand(alertsCommand())
  .addCommand(auditCommand())
  .addCommand(monitorCommand())
  .addCommand(keepaliveCommand())
  .addCommand(triageCommand())
  .addCommand(recoverCommand())
  .addCommand(healthCommand())
  .addCommand(postmortemCommand())
  .addHelpText(
    "after",
    `
Run it in the folder of the Pulumi project, with the same environment as pulumi itself (login, passphrase, AWS
credentials, VAST_API_KEY).

Examples:
  vast-fleet status               what is rented, what it costs, how to log in
  vast-fleet reconcile            what is lost, and what to do about it

Exit codes: 0 ok, 1 failure, 2 wrong usage, 3 partial.`,
  );

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const message = error instanceof Error ? error.message : String(error);
  console.error(`error: ${message}`);
  return error instanceof UsageError ? EXIT.usage : EXIT.failure;
}

for (const command of [program, ...program.commands]) command.exitOverride().showHelpAfterError("(--help shows usage)");

// `vast-fleet status | head` closes the pipe early: no failure of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit();
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
