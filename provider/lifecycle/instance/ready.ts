import { connect } from "node:net";
import { VastError } from "../../api/errors.ts";
import { type InstanceRow, requestLogs } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { longestBootS } from "./boot.ts";
import type { InstanceInputs } from "./inputs.ts";
import { machineFactsOf } from "./outputs.ts";
import { freshRow, pollResult } from "./wait.ts";

const LOG_POLL_S = 15;
const PORT_POLL_S = 5;
const LOG_LINES = 200;
/** Wall time for one connection, like every network timeout. */
const CONNECT_MS = 5_000;

/** What shows that a worker is ready, and what was seen instead. */
interface Sign {
  what: string;
  everyS: number;
  /** Undefined once it shows, else what there is. */
  look(): Promise<string | undefined>;
}

/** Waits until the sign of `readyWhen` shows. The instance is kept when it does not: it may only be slow. */
export async function waitUntilReady(context: Context, row: InstanceRow, inputs: InstanceInputs): Promise<void> {
  if (inputs.waitFor !== "ready" || !inputs.readyWhen) return;
  const { readyWhen, label } = inputs;
  const sign = "log" in readyWhen ? logSign(context, row.id, readyWhen.log) : portSign(context, row.id, readyWhen.port);
  const limitS = longestBootS(inputs.bootTimeout);
  const deadline = context.clock.elapsedS() + limitS;
  context.log(`${label}: contract ${row.id} is running; waiting up to ${limitS} s for ${sign.what}`);
  for (;;) {
    const seen = await sign.look();
    if (seen === undefined) return;
    if (context.clock.elapsedS() > deadline) {
      throw new VastError("blocked", `contract ${row.id} runs but is not ready: no ${sign.what}; ${seen}`, {
        fix: "look at its log; `pulumi up` goes on waiting, `pulumi destroy` gives it up",
      });
    }
    await context.clock.sleep(sign.everyS);
  }
}

function logSign(context: Context, id: number, log: string): Sign {
  const pattern = new RegExp(log, "m");
  return {
    what: `log line that matches /${log}/`,
    everyS: LOG_POLL_S,
    look: async () => {
      const text = await readLogs(context, id);
      if (pattern.test(text)) return undefined;
      return `the last line is "${text.trim().split("\n").at(-1)?.slice(0, 200) ?? ""}"`;
    },
  };
}

/** The mapping appears a little after the container runs (vast-api.md 3.4). */
function portSign(context: Context, id: number, port: number): Sign {
  return {
    what: `answer on port ${port}`,
    everyS: PORT_POLL_S,
    look: async () => {
      const address = machineFactsOf(await freshRow(context, id)).portMap[`${port}/tcp`];
      if (address === undefined) return "it is not mapped to a public port yet";
      return (await answers(address)) ? undefined : `${address} does not answer`;
    },
  };
}

function answers(address: string): Promise<boolean> {
  const [host = "", port] = address.split(":");
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) });
    const settle = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
    socket.setTimeout(CONNECT_MS, () => settle(false));
  });
}

/** The end of the container's log. The file is uploaded by the host a little after the request (vast-api.md 3.5). */
async function readLogs(context: Context, id: number): Promise<string> {
  const url = await context.transport.call(requestLogs, id, { tail: LOG_LINES });
  return (await pollResult(context, url)) ?? "";
}
