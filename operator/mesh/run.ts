import { VastError } from "pulumi-vast/internal/api/errors";
import { openShell, quoted, type Ran } from "pulumi-vast/internal/copy-out/ssh";
import { z } from "zod";
import type { MeshOptions } from "../commands/mesh.ts";
import { findWorker } from "../fleet/find.ts";
import { type Worker, withPrefix } from "../fleet/read.ts";
import { openSession, type Session } from "../session.ts";
import { coloured, EXIT, printJson, table } from "../terminal.ts";
import { type MeshAddresses, readAddresses, writeAddresses } from "./addresses.ts";

/** What stacks/config.ts puts beside the join step of a profile. */
const VARIABLE = "VAST_FLEET_MESH";
const commandsSchema = z.object({
  address: z.string(),
  reach: z.string().optional(),
  restart: z.string().optional(),
});
type Commands = z.output<typeof commandsSchema>;

const COMMAND_TIMEOUT_S = 60;
const AT_ONCE = 16;

export interface Member {
  label: string;
  contract: number;
  /** `joined`: it has an address; `away`: it has none; `silent`: it could not be asked; `off`: it does not run. */
  state: "joined" | "away" | "silent" | "off";
  address: string | null;
  /** Labels that it does not reach; only asked by `discover`. */
  unreached: string[];
  message: string;
}

interface Found {
  worker: Worker;
  commands: Commands;
  member: Member;
}

export async function mesh(action: "status" | "discover" | "restart", options: MeshOptions): Promise<number> {
  const session = await openSession(options);
  const all = await session.fleets();
  const chosen = withPrefix(all, options.prefix).filter((worker) => meshOf(worker) !== undefined);
  const workers = options.instance === undefined ? chosen : [findWorker({ workers: chosen }, options.instance)];
  if (workers.length === 0)
    throw new VastError("config", "no worker of the stack belongs to a mesh", {
      fix: "give the fleet's profile a `mesh` with its join step (docs/operator-scale.md)",
    });
  if (action === "restart") return restart(session, workers, options);
  const found = await inParallel(workers, (worker) => look(session, worker));
  if (action === "discover") await discover(session, found);
  const members = found.map(({ member }) => member);
  if (options.json) printJson({ stack: session.stack.name, members });
  else print(members);
  const isWell = members.every(({ state, unreached }) => state === "joined" && unreached.length === 0);
  return isWell ? EXIT.ok : EXIT.partial;
}

function meshOf({ inputs }: Pick<Worker, "inputs">): Commands | undefined {
  const text = inputs.env?.[VARIABLE];
  return text === undefined ? undefined : commandsSchema.parse(JSON.parse(text));
}

async function look(session: Session, worker: Worker): Promise<Found> {
  const commands = meshOf(worker) as Commands;
  const { label, contract } = worker;
  const as = (state: Member["state"], address: string | null, message = ""): Found => ({
    worker,
    commands,
    member: { label, contract, state, address, unreached: [], message },
  });
  if (worker.condition !== "running") return as("off", null, worker.condition);
  try {
    const ran = await over(session, worker, commands.address);
    const address = ran.stdout.trim().split(/\s/)[0] ?? "";
    return ran.exitCode === 0 && address !== "" ? as("joined", address) : as("away", null, lastLine(ran));
  } catch (error) {
    return as("silent", null, (error as Error).message.split("\n")[0]);
  }
}

/** Has everyone look for everyone else, and notes the addresses for the inventory; those of workers now silent are kept. */
async function discover(session: Session, found: readonly Found[]): Promise<void> {
  const joined = found.filter(({ member }) => member.state === "joined");
  await inParallel(joined, async ({ worker, commands, member }) => {
    const { reach } = commands;
    if (reach === undefined) return;
    for (const other of joined) {
      if (other.worker === worker) continue;
      const command = reach.replaceAll("{address}", quoted(other.member.address ?? ""));
      const ran = await over(session, worker, command).catch(() => undefined);
      if (ran?.exitCode !== 0) member.unreached.push(other.member.label);
    }
  });
  const living = new Set(found.map(({ worker }) => String(worker.contract)));
  const kept = Object.entries(readAddresses(session)).filter(([contract]) => living.has(contract));
  const now = joined.map(({ worker, member }): [string, MeshAddresses[string]] => [
    String(worker.contract),
    { address: member.address ?? "", seenS: Math.round(session.clock.nowS()) },
  ]);
  writeAddresses(session, Object.fromEntries([...kept, ...now]));
}

async function restart(session: Session, workers: readonly Worker[], options: MeshOptions): Promise<number> {
  const failed: { label: string; message: string }[] = [];
  await inParallel(workers, async (worker) => {
    const { label } = worker;
    try {
      const command = meshOf(worker)?.restart;
      if (command === undefined) throw new Error("the `mesh` of its profile has no `restart`");
      const ran = await over(session, worker, command);
      if (ran.exitCode !== 0) throw new Error(lastLine(ran) || `exit code ${ran.exitCode}`);
    } catch (error) {
      failed.push({ label, message: (error as Error).message });
    }
  });
  session.record.append({
    what: "mesh restart",
    why: "asked for",
    workers: workers.map(({ label }) => label),
    contracts: workers.map(({ contract }) => contract),
    outcome: failed.length === 0 ? "ok" : failed.length < workers.length ? "partial" : "failed",
    ...(failed.length > 0 ? { error: failed.map(({ label, message }) => `${label}: ${message}`).join("; ") } : {}),
  });
  for (const { label, message } of failed) session.log(`error: ${label}: ${message}`);
  const restarted = workers.map(({ label }) => label).filter((label) => !failed.some((one) => one.label === label));
  if (options.json) printJson({ stack: session.stack.name, restarted, failed });
  else console.log(`Restarted: ${restarted.join(", ") || "none"}`);
  if (failed.length === 0) return EXIT.ok;
  return restarted.length > 0 ? EXIT.partial : EXIT.failure;
}

async function over({ context }: Session, { row, label, contract }: Worker, command: string): Promise<Ran> {
  if (!row) throw new VastError("not-found", `${label}: contract ${contract} is not listed any more`);
  const shell = await openShell(context, row, label);
  try {
    return await shell.run(command, COMMAND_TIMEOUT_S);
  } finally {
    shell.close();
  }
}

async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  const next = async (): Promise<void> => {
    for (const [index, item] of rest) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  return results;
}

const lastLine = ({ output }: Ran): string => output.trim().split("\n").at(-1) ?? "";

function print(members: readonly Member[]): void {
  const rows = members.map(({ label, contract, state, address, unreached, message }) => [
    label,
    String(contract),
    coloured(state === "joined" ? "green" : "yellow", state),
    address ?? "",
    unreached.length > 0 ? `does not reach ${unreached.join(", ")}` : message,
  ]);
  console.log(table(["Label", "Contract", "Mesh", "Address", ""], rows));
}
