import { VastError } from "pulumi-vast/internal/api/errors";
import { type LogRequest, requestLogs } from "pulumi-vast/internal/api/instances";
import type { Context } from "pulumi-vast/internal/context";
import { pollResult } from "pulumi-vast/internal/lifecycle/instance/wait";
import type { LogsOptions } from "./commands/logs.ts";
import { findContract } from "./fleet/find.ts";
import { openSession } from "./session.ts";
import { EXIT, printJson } from "./terminal.ts";

export async function logs(worker: string, options: LogsOptions): Promise<number> {
  const session = await openSession(options);
  const row = findContract(await session.fleets(), worker);
  const { tail, filter, daemon } = options;
  const text = await readLogs(session.context, row.id, { tail, filter, daemonLogs: daemon });
  if (options.json) printJson({ contract: row.id, label: row.label ?? "", lines: text.split("\n").filter(Boolean) });
  else process.stdout.write(text === "" || text.endsWith("\n") ? text : `${text}\n`);
  return EXIT.ok;
}

/** The host uploads the log when it is asked for it: what never comes is an error, and not an empty log. */
export async function readLogs(context: Context, contract: number, request: LogRequest): Promise<string> {
  const text = await pollResult(context, await context.transport.call(requestLogs, contract, request));
  if (text !== undefined) return text;
  throw new VastError("blocked", `contract ${contract}: its host has not uploaded a log`, {
    fix: "try again; a host that is offline, or still pulls the image, has none (--daemon shows the host's own)",
  });
}
