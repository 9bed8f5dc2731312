import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../options.ts";

export interface SshOptions extends CommonOptions {
  print?: boolean;
  proxy?: boolean;
}

export function sshCommand(): Command {
  const command = new Command("ssh")
    .description("log in to a worker, or run a command there")
    .argument("<worker>", "its label, or the id of any contract of the account")
    .argument("[command...]", "after --: run this instead of a shell; its exit code is passed on")
    .option("--print", "print the ssh command instead of running it")
    .option("--proxy", "through the service's proxy: slower, and there when the direct port is not")
    .addHelpText(
      "after",
      `
The key is that of vast:sshKeyFile or VAST_SSH_KEY, else ssh's own. Ports and hosts change with each rental: every contract
is a host of its own in known_hosts (those of a simulator, whose ids come again, are in none).

Examples:
  vast-fleet ssh trainer-worker-0
  vast-fleet ssh trainer-worker-0 -- nvidia-smi
  vast-fleet ssh 36700002 --print

Exit code: 0 ok, or what the command there ends with; 1 it failed, 2 wrong usage.`,
    );
  return withCommonOptions(command).action(async (worker: string, words: string[], options: SshOptions) => {
    const { ssh } = await import("../ssh.ts");
    process.exitCode = await ssh(worker, words, options);
  });
}
