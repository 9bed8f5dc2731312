import { type LogRequest, requestLogs } from "pulumi-vast/internal/api/instances";
import type { Context } from "pulumi-vast/internal/context";
import { pollResult } from "pulumi-vast/internal/lifecycle/instance/wait";

/** The end of a contract's log, once its host has uploaded it; undefined where it never does, which is no empty log. */
export async function fetchLog(context: Context, contract: number, request: LogRequest): Promise<string | undefined> {
  return pollResult(context, await context.transport.call(requestLogs, contract, request));
}
