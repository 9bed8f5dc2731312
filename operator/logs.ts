import { VastError } from "pulumi-vast/internal/api/errors";
import type { LogsOptions } from "./commands/logs.ts";
import { findContract } from "./fleet/find.ts";
import { fetchLog } from "./fleet/log.ts";
import { openSession } from "./session.ts";
import { EXIT, printJson } from "./terminal.ts";

export async function logs(worker: string, options: LogsOptions): Promise<number> {
  const session = await openSession(options);
  const row = findContract(await session.fleets(), worker);
  const { tail, filter, daemon } = options;
  const text = await fetchLog(session.context, row.id, { tail, filter, daemonLogs: daemon });
  if (text === undefined) throw noLog(row.id);
  if (options.json) printJson({ contract: row.id, label: row.label ?? "", lines: text.split("\n").filter(Boolean) });
  else process.stdout.write(text === "" || text.endsWith("\n") ? text : `${text}\n`);
  return EXIT.ok;
}

function noLog(contract: number): VastError {
  return new VastError("blocked", `contract ${contract}: its host has not uploaded a log`, {
    fix: "try again; a host that is offline, or still pulls the image, has none (--daemon shows the host's own)",
  });
}
