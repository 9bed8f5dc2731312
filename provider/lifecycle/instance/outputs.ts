import type { InstanceRow } from "../../api/instances.ts";
import type { Home } from "../../context.ts";
import { type Boot, keptMessage, keptStatus } from "./boot.ts";
import { mayHaveRun } from "./condition.ts";
import { expiryOf } from "./expiry.ts";
import type { InstanceInputs } from "./inputs.ts";
import { type SshAddress, sshAddressesOf } from "./ssh-address.ts";

/** What only the rental itself knew and the listing does not say again. */
export interface RentalRecord {
  home: Home;
  /** Offers that matched besides the chosen one, when it was rented. */
  alternatives: number;
  /** The offer it was rented from; undefined for one that was adopted. */
  offerId: number | undefined;
  /** Seen running by us: then there may be results on its disk, and the copy-out gate holds. */
  everRan: boolean;
  /** Its last start was refused, its GPU being rented to another: only until it runs again. */
  gpuTaken?: true | undefined;
  /** `restoreFrom` asks for files that the `up` which rented it did not come to bring: the next one does. */
  restorePending?: true | undefined;
  /** Only while it boots: how long already, for runs to come. */
  boot?: Boot | undefined;
}

/** What a contract is now; prices USD/h all-in unless said. */
export interface MachineFacts {
  /** Id of the contract in the Vast account; the resource's id, too. */
  contractId: number;
  /** Id of the machine it is on. */
  machineId: number;
  /** Id of the machine's owner. */
  hostId: number | undefined;
  /** Number and name, e.g. `1x RTX 4090`. */
  gpu: string;
  /** Rented with a bid; false too where the program bids and `fallback` had to rent on demand. */
  interruptible: boolean;
  /** USD/h, all-in: compute (or bid) plus disk. */
  dph: number;
  /** USD/h of the GPUs, or the bid; billed while it runs. */
  dphCompute: number;
  /** USD/h of the disk; billed until it is destroyed. */
  dphStorage: number;
  /** USD/GB sent. */
  inetUpCost: number | undefined;
  /** USD/GB received. */
  inetDownCost: number | undefined;
  /** As the service says it: `running`, `loading`, `exited`, `offline` … */
  status: string;
  /** The service's words to it, e.g. why an image cannot be pulled. */
  statusMessage: string;
  /** Direct where a port is open for it, else through the proxy. */
  sshCommand: string;
  /** Through the service's proxy: slower, and always there. */
  sshProxyCommand: string;
  /** Container port to public address, e.g. `8000/tcp` → `203.0.113.4:40713`. */
  portMap: Record<string, string>;
  /** Epoch seconds of the rental. */
  startDate: number | undefined;
  /** Epoch seconds after which the host may end it. */
  endDate: number | undefined;
}

/** Outputs of a VastInstance next to its inputs. */
export interface InstanceFacts extends RentalRecord, MachineFacts {
  /** Epoch seconds after which it shall not run any more, from `expiresAt` or `maxDurationHours`. */
  expiry: number | undefined;
}

export type InstanceState = InstanceInputs & InstanceFacts;

export function factsOf(
  row: InstanceRow,
  rental: RentalRecord,
  inputs: Pick<InstanceInputs, "expiresAt" | "maxDurationHours">,
): InstanceFacts {
  const everRan = rental.everRan || mayHaveRun(row);
  return { ...rental, everRan, ...machineFactsOf(row), expiry: expiryOf(inputs, row) };
}

export function machineFactsOf(row: InstanceRow): MachineFacts {
  const portMap = portMapOf(row);
  const ssh = sshAddressesOf(row);
  const proxy = sshCommand(ssh.proxy);
  return {
    contractId: row.id,
    machineId: row.machine_id,
    hostId: row.host_id ?? undefined,
    gpu: `${row.num_gpus ?? "?"}x ${row.gpu_name ?? "?"}`,
    interruptible: row.is_bid,
    dph: round(row.dph_total),
    dphCompute: round(row.dph_base),
    dphStorage: round(row.dph_total - row.dph_base),
    inetUpCost: row.inet_up_cost ?? undefined,
    inetDownCost: row.inet_down_cost ?? undefined,
    status: keptStatus(row),
    statusMessage: keptMessage(row),
    sshCommand: sshCommand(ssh.direct) || proxy,
    sshProxyCommand: proxy,
    portMap,
    startDate: row.start_date ?? undefined,
    endDate: row.end_date ?? undefined,
  };
}

function sshCommand(address: SshAddress | undefined): string {
  return address ? `ssh -p ${address.port} root@${address.host}` : "";
}

function portMapOf(row: InstanceRow): Record<string, string> {
  const host = row.public_ipaddr?.trim();
  if (!host || !row.ports) return {};
  return Object.fromEntries(
    Object.entries(row.ports).flatMap(([port, to]) => (to[0] ? [[port, `${host}:${to[0].HostPort}`]] : [])),
  );
}

/** Six decimals of a dollar: the sums of two floats must not show as a change. */
function round(usd: number): number {
  return Math.round(usd * 1e6) / 1e6;
}
