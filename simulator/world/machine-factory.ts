import { GPU_MODELS, type GpuModel } from "./gpu-models.ts";
import type { RandomStream } from "./random.ts";
import type { Machine, Offer } from "./types.ts";

const DAY_S = 86_400;

const PLACES: readonly [place: string, country: string, geolocode: number, weight: number][] = [
  ["California", "US", 921675001, 10],
  ["Texas", "US", 921675002, 7],
  ["Washington", "US", 921675003, 5],
  ["", "US", 921675004, 6],
  ["Quebec", "CA", 921675010, 6],
  ["British Columbia", "CA", 921675011, 4],
  ["", "SE", 921675020, 3],
  ["", "NO", 921675021, 3],
  ["", "DE", 921675022, 4],
  ["", "FR", 921675023, 3],
  ["", "GB", 921675024, 3],
  ["", "NL", 921675025, 3],
  ["", "PL", 921675026, 3],
  ["", "CZ", 921675027, 2],
  ["", "BG", 921675028, 2],
  ["", "IS", 921675029, 1],
  ["Guangxi", "CN", 921675030, 3],
  ["", "JP", 921675031, 2],
  ["", "KR", 921675032, 2],
  ["", "TW", 921675033, 2],
  ["", "VN", 921675034, 2],
  ["Maharashtra", "IN", 921675035, 2],
  ["Sao Paulo", "BR", 921675036, 2],
  ["New South Wales", "AU", 921675037, 1],
  ["", "ZA", 921675038, 1],
];

const DRIVERS: readonly [version: string, cuda: number, weight: number][] = [
  ["535.183.01", 12.2, 2],
  ["545.23.08", 12.3, 1],
  ["550.54.15", 12.4, 4],
  ["550.127.08", 12.4, 3],
  ["560.35.03", 12.6, 4],
  ["565.57.01", 12.7, 3],
  ["570.86.15", 12.8, 5],
  ["570.133.20", 12.8, 4],
  ["575.57.08", 12.9, 3],
  ["580.65.06", 13.0, 3],
];

const CPUS: readonly [name: string, cores: number, ghz: number][] = [
  ["AMD EPYC 7642 48-Core Processor", 96, 2.3],
  ["AMD EPYC 7702 64-Core Processor", 128, 2.0],
  ["AMD EPYC 9354 32-Core Processor", 64, 3.2],
  ["AMD EPYC 9654 96-Core Processor", 192, 2.4],
  ["AMD Ryzen 9 7950X 16-Core Processor", 32, 4.5],
  ["AMD Ryzen Threadripper PRO 5975WX 32-Cores", 64, 3.6],
  ["Intel(R) Xeon(R) Gold 6248R CPU @ 3.00GHz", 96, 3.0],
  ["Intel(R) Xeon(R) Platinum 8480+", 224, 2.0],
  ["Intel(R) Core(TM) i9-13900K", 32, 3.0],
];

const BOARDS = ["H12SSL", "X11DPG-QT", "X13DEG-OA", "ROMED8-2T", "TRX50 AERO D", "PRO WS WRX80E-SAGE SE", "Z790"];
const DISKS = ["INTEL SSDPE2KX080T8", "Samsung SSD 990 PRO 4TB", "KXG60ZNV1T02", "Micron_7450_MTFDKCC7T6TFR", "nvme"];
const PORT_COUNTS = [0, 4, 20, 50, 99, 249, 250, 999, 6250];

export interface Identities {
  nextMachineId(): number;
  nextOfferId(): number;
  nextGpuId(): number;
  address(machineId: number): string;
}

/** Makes one machine with a plausible price, link, driver and owner. */
export function makeMachine(draw: RandomStream, ids: Identities, hostIds: readonly number[], now: number): Machine {
  const model = draw.weighted(GPU_MODELS, (candidate) => candidate.weight);
  const count = draw.pick(model.counts);
  const id = ids.nextMachineId();
  const datacenter = draw.chance(model.datacenter);
  const cpu = draw.pick(CPUS);
  const driver = pickDriver(draw, model);
  const place = draw.weighted(PLACES, (candidate) => candidate[3]);
  const dphPerGpu = round(draw.between(...model.dph) * (datacenter ? 1.08 : 1), 6);
  const diskGb = round(count * draw.between(220, 1400), 3);
  const inetDownMbps = round(datacenter ? draw.between(900, 9000) : draw.between(60, 1800), 1);
  const gpuIds = Array.from({ length: count }, () => ids.nextGpuId());
  const pciGen = model.computeCap >= 900 && model.computeCap < 1000 ? 5 : draw.pick([3, 4, 4, 4]);
  const machine: Machine = {
    id,
    hostId: draw.pick(hostIds),
    model,
    gpuIds,
    rentals: [],
    offers: [],
    volumeAsk: null,
    online: true,
    hostingType: datacenter ? 1 : 0,
    verification: draw.weighted(
      [
        ["verified", datacenter ? 95 : 72],
        ["unverified", datacenter ? 4 : 22],
        ["deverified", datacenter ? 1 : 6],
      ] as const,
      (entry) => entry[1],
    )[0],
    reliability: round(datacenter ? draw.between(0.985, 0.9999) : 1 - draw.next() ** 3 * 0.35, 7),
    geolocation: `${place[0]}, ${place[1]}`,
    countryCode: place[1],
    geolocode: place[2],
    publicIp: ids.address(id),
    staticIp: datacenter || draw.chance(0.2),
    directPortCount: datacenter ? draw.pick(PORT_COUNTS.slice(4)) : draw.pick(PORT_COUNTS),
    cpuName: cpu[0],
    cpuArch: "amd64",
    cpuCores: cpu[1],
    cpuGhz: cpu[2],
    cpuRamMb: count * draw.pick([16_384, 32_196, 48_295, 64_393, 128_786]),
    diskGb,
    rentedDiskGb: 0,
    diskName: draw.pick(DISKS),
    diskBwMbs: round(draw.between(450, 6800), 1),
    inetUpMbps: round(inetDownMbps * draw.between(0.35, 1.05), 1),
    inetDownMbps,
    inetUpCostPerGb: draw.chance(0.25) ? 0 : round(draw.between(0.001, 0.03), 5),
    inetDownCostPerGb: draw.chance(0.25) ? 0 : round(draw.between(0.001, 0.025), 5),
    storageCost: round(draw.between(0.05, 0.3), 4),
    dphPerGpu,
    minBidPerGpu: round(dphPerGpu * draw.between(0.35, 0.65), 6),
    cudaMaxGood: driver[1],
    driverVersion: driver[0],
    osVersion: draw.pick(["20.04", "22.04", "22.04", "24.04"]),
    moboName: draw.pick(BOARDS),
    pciGen,
    pcieBwGbs: round(pciGen * draw.between(2.6, 6.2), 1),
    gpuMaxTempC: draw.integer(80, 92),
    vmsEnabled: datacenter && draw.chance(0.3),
    listedAt: now - draw.between(5, 300) * DAY_S,
    endDate: now + draw.weighted([draw.between(0.5, 3), draw.between(7, 60), draw.between(60, 365)], () => 1) * DAY_S,
    creditDiscountMax: 0.4,
    images: new Set(),
    portsInUse: new Set(),
  };
  machine.offers = slices(count).map((gpuIndexes) => makeOffer(draw, ids, id, gpuIndexes));
  if (draw.chance(0.6)) {
    machine.volumeAsk = {
      id: ids.nextOfferId(),
      sizeGb: Math.floor(diskGb * draw.between(0.2, 0.5)),
      storageCost: round(machine.storageCost * draw.between(0.7, 1), 4),
    };
  }
  return machine;
}

/** All ways a machine is offered: whole, in halves, quarters … down to single cards (vast-api.md 3.1, slices). */
export function slices(count: number): number[][] {
  const found: number[][] = [];
  for (let size = 1; size <= count; size *= 2) {
    for (let first = 0; first + size <= count; first += size) found.push(range(first, size));
  }
  if (!found.some((slice) => slice.length === count)) found.push(range(0, count));
  return found;
}

function makeOffer(draw: RandomStream, ids: Identities, machineId: number, gpuIndexes: number[]): Offer {
  const bundleId = draw.integer(1_000_000_000, 1_999_999_999);
  return { id: ids.nextOfferId(), machineId, bundleId, gpuIndexes, removed: false, priceFactor: 1 };
}

function pickDriver(draw: RandomStream, model: GpuModel): (typeof DRIVERS)[number] {
  // Blackwell cards need a 570 driver or newer.
  const usable = model.computeCap >= 1000 ? DRIVERS.filter(([, cuda]) => cuda >= 12.8) : DRIVERS;
  return draw.weighted(usable, (driver) => driver[2]);
}

function range(first: number, size: number): number[] {
  return Array.from({ length: size }, (_, index) => first + index);
}

export function round(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor;
}
