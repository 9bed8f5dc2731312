import { humanSize } from "../gnu/format.ts";
import { type Context, fail, out, type Program } from "./shell.ts";

const GB = 1e9;

/** nvidia-smi: the table, -L, and --query-gpu with --format=csv[,noheader][,nounits]. */
export const nvidiaSmi: Program = (context, words) => {
  const { contract, world } = context;
  const machine = world.machineOf(contract);
  if (machine.model.arch !== "nvidia") return fail("bash: nvidia-smi: command not found\n", 127);
  if (contract.gpuFault === "lost") {
    return out(
      "Unable to determine the device handle for GPU0: 0000:01:00.0: GPU is lost.  Reboot the system to recover this GPU\n",
      15,
    );
  }
  if (contract.gpuFault === "driver") {
    return out("Failed to initialize NVML: Driver/library version mismatch\n", 18);
  }
  const query = words.find((word) => word.startsWith("--query-gpu="))?.slice("--query-gpu=".length);
  if (query !== undefined) return out(queryGpu(context, query.split(","), words));
  if (words.includes("-L")) {
    return out(
      gpuRows(context)
        .map((gpu) => `GPU ${gpu.index}: NVIDIA ${gpu.name} (UUID: ${gpu.uuid})\n`)
        .join(""),
    );
  }
  return out(table(context));
};

function gpuRows(context: Context): Record<string, string | number>[] {
  const { contract, world } = context;
  const machine = world.machineOf(contract);
  const { gpuUtil, gpuTemp } = contract.metrics ?? { gpuUtil: 0, gpuTemp: 35 };
  const busy = world.workloads.has(contract.id) && gpuUtil > 0;
  return contract.gpuIndexes.map((gpu, index) => {
    const used = busy ? Math.round(machine.model.ramMb * 0.78) : 2;
    return {
      index,
      name: machine.model.name,
      uuid: `GPU-${String(machine.gpuIds[gpu]).padStart(8, "0")}-0000-4000-8000-000000000000`,
      "utilization.gpu": Math.round(gpuUtil),
      "utilization.memory": busy ? 54 : 0,
      "temperature.gpu": gpuTemp,
      "memory.total": machine.model.ramMb,
      "memory.used": used,
      "memory.free": machine.model.ramMb - used,
      "power.draw": busy ? Math.round(machine.model.maxPowerW * 0.86) : 21,
      "power.limit": machine.model.maxPowerW,
      driver_version: machine.driverVersion,
      pstate: busy ? "P2" : "P8",
      compute_cap: (machine.model.computeCap / 100).toFixed(1),
    };
  });
}

const UNITS: Readonly<Record<string, string>> = {
  "utilization.gpu": "%",
  "utilization.memory": "%",
  "memory.total": "MiB",
  "memory.used": "MiB",
  "memory.free": "MiB",
  "power.draw": "W",
  "power.limit": "W",
};

function queryGpu(context: Context, fields: readonly string[], words: readonly string[]): string {
  const format = words.find((word) => word.startsWith("--format=")) ?? "";
  const units = !format.includes("nounits");
  const unit = (field: string, open: string, close: string) =>
    units && UNITS[field] ? `${open}${UNITS[field]}${close}` : "";
  const header = fields.map((field) => field + unit(field, " [", "]")).join(", ");
  const rows = gpuRows(context).map((gpu) =>
    fields.map((field) => `${gpu[field] ?? "[N/A]"}${unit(field, " ", "")}`).join(", "),
  );
  return [...(format.includes("noheader") ? [] : [header]), ...rows].map((line) => `${line}\n`).join("");
}

function table(context: Context): string {
  const machine = context.world.machineOf(context.contract);
  const line = "+-----------------------------------------------------------------------------------------+";
  const rows = gpuRows(context).flatMap((gpu) => [
    `| ${String(gpu.index).padStart(3)}  NVIDIA ${String(gpu.name).padEnd(24)} On |  ${gpu["temperature.gpu"]}C  ${gpu.pstate} ${gpu["power.draw"]}W / ${gpu["power.limit"]}W | ${gpu["memory.used"]}MiB / ${gpu["memory.total"]}MiB | ${gpu["utilization.gpu"]}% |`,
  ]);
  const title = `| NVIDIA-SMI ${machine.driverVersion}    Driver Version: ${machine.driverVersion}    CUDA Version: ${machine.cudaMaxGood.toFixed(1)} |`;
  return [line, title, line, ...rows, line].map((text) => `${text}\n`).join("");
}

/** Processes of the container: the init, the ssh daemon, and the workload's program while it is alive. */
export const ps: Program = ({ world, contract }) => {
  const workload = world.workloads.get(contract.id);
  const gpu = Math.round(contract.metrics?.cpuUtil ?? 0);
  const program = workload?.rule.model === "self-play" ? "./selfplay-worker --loop" : "python train.py";
  const rows = [
    ["root", "1", "0.0", "0.0", "/sbin/docker-init -- /.launch"],
    ["root", "88", "0.0", "0.0", "sshd: /usr/sbin/sshd -D [listener] 0 of 100-500 startups"],
    ...(workload && workload.rule.model !== "idle" ? [["root", "214", `${gpu}.0`, "9.1", program]] : []),
  ];
  const lines = rows.map(
    ([user, pid, cpu, mem, command]) =>
      `${user?.padEnd(8)} ${pid?.padStart(7)} ${cpu?.padStart(5)} ${mem?.padStart(4)} ${command}`,
  );
  return out(`${["USER         PID  %CPU %MEM COMMAND", ...lines].join("\n")}\n`);
};

export const df: Program = (context, words) => {
  const { world, contract } = context;
  const human = words.includes("-h");
  const block = words.some((word) => /^-B1$|^--block-size=1$/.test(word)) ? 1 : 1024;
  const disks = [
    { name: "overlay", size: contract.diskGb * GB, used: world.disks.usedGb(contract) * GB, mount: "/" },
    ...contract.mounts.map((mount) => ({
      name: mount.volumeName,
      size: mount.sizeGb * GB,
      used: world.disks.volumeUsedGb(mount.volumeId) * GB,
      mount: mount.path,
    })),
  ];
  const paths = words.filter((word) => word.startsWith("/"));
  const asked =
    paths.length === 0
      ? disks
      : paths.map((path) => disks.toReversed().find((disk) => isBelow(path, disk.mount)) ?? disks[0]);
  const show = (bytes: number): string => (human ? humanSize(bytes) : String(Math.ceil(bytes / block)));
  const title = human ? "Size" : block === 1 ? "1B-blocks" : "1K-blocks";
  const lines = asked.flatMap((disk) => {
    if (!disk) return [];
    const percent = Math.min(100, Math.ceil((disk.used / disk.size) * 100));
    return [
      `${disk.name.padEnd(14)} ${show(disk.size).padStart(12)} ${show(disk.used).padStart(12)} ${show(Math.max(0, disk.size - disk.used)).padStart(12)} ${String(percent).padStart(3)}% ${disk.mount}`,
    ];
  });
  return out(
    `${[`${"Filesystem".padEnd(14)} ${title.padStart(12)} ${"Used".padStart(12)} ${"Available".padStart(12)} Use% Mounted on`, ...lines].join("\n")}\n`,
  );
};

function isBelow(path: string, mount: string): boolean {
  return mount === "/" || path === mount || path.startsWith(`${mount}/`);
}

export const uptime: Program = ({ world, contract }) => {
  const { now } = world;
  const minutes = Math.floor((now - (contract.runningSince ?? now)) / 60);
  const clock = new Date(now * 1000).toISOString().slice(11, 19);
  const up = minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
  const load = ((contract.metrics?.cpuUtil ?? 1) / 10).toFixed(2);
  return out(` ${clock} up ${up},  0 users,  load average: ${load}, ${load}, ${load}\n`);
};

export const free: Program = ({ world, contract }) => {
  const machine = world.machineOf(contract);
  const total = Math.round((machine.cpuRamMb * contract.gpuIndexes.length) / machine.gpuIds.length);
  const used = Math.round((contract.metrics?.memUsage ?? 1) * 1024);
  return out(
    `               total        used        free\nMem:  ${String(total).padStart(14)} ${String(used).padStart(11)} ${String(total - used).padStart(11)}\n`,
  );
};

export const hostname: Program = ({ contract }) => out(`C.${contract.id}\n`);
