import type { InstanceRow } from "../../api/instances.ts";
import type { Home } from "../../context.ts";
import { mayHaveRun } from "./condition.ts";
import type { InstanceInputs } from "./inputs.ts";

/** What only the rental itself knew and the listing does not say again. */
export interface RentalRecord {
  home: Home;
  /** Offers that matched besides the chosen one, when it was rented. */
  alternatives: number;
  offerId: number | undefined;
  /** Seen running by us: then there may be results on its disk, and the copy-out gate holds. */
  everRan: boolean;
}

/** What a contract is now; prices USD/h all-in unless said. */
export interface MachineFacts {
  contractId: number;
  machineId: number;
  hostId: number | undefined;
  gpu: string;
  dph: number;
  dphCompute: number;
  dphStorage: number;
  inetUpCost: number | undefined;
  inetDownCost: number | undefined;
  status: string;
  statusMessage: string;
  sshCommand: string;
  sshProxyCommand: string;
  /** Container port to public address, e.g. `8000/tcp` → `203.0.113.4:40713`. */
  portMap: Record<string, string>;
  startDate: number | undefined;
  endDate: number | undefined;
}

/** Outputs of a VastInstance next to its inputs. */
export interface InstanceFacts extends RentalRecord, MachineFacts {}

export type InstanceState = InstanceInputs & InstanceFacts;

export function factsOf(row: InstanceRow, rental: RentalRecord): InstanceFacts {
  return { ...rental, everRan: rental.everRan || mayHaveRun(row), ...machineFactsOf(row) };
}

export function machineFactsOf(row: InstanceRow): MachineFacts {
  const portMap = portMapOf(row);
  const ssh = portMap["22/tcp"];
  const proxyPort = (row.ssh_port ?? 0) + (row.image_runtype?.includes("jupyter") ? 1 : 0);
  const proxy = row.ssh_host ? `ssh -p ${proxyPort} root@${row.ssh_host}` : "";
  return {
    contractId: row.id,
    machineId: row.machine_id,
    hostId: row.host_id ?? undefined,
    gpu: `${row.num_gpus ?? "?"}x ${row.gpu_name ?? "?"}`,
    dph: round(row.dph_total),
    dphCompute: round(row.dph_base),
    dphStorage: round(row.dph_total - row.dph_base),
    inetUpCost: row.inet_up_cost ?? undefined,
    inetDownCost: row.inet_down_cost ?? undefined,
    status: row.actual_status ?? "provisioning",
    statusMessage: (row.status_msg ?? "").trim().slice(0, 200),
    sshCommand: ssh ? `ssh -p ${ssh.split(":")[1]} root@${ssh.split(":")[0]}` : proxy,
    sshProxyCommand: proxy,
    portMap,
    startDate: row.start_date ?? undefined,
    endDate: row.end_date ?? undefined,
  };
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
