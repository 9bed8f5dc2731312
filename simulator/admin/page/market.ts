import { isOpen } from "../../world/offer-search.ts";
import type { World } from "../../world/world.ts";

export interface ModelLine {
  gpu: string;
  machines: number;
  machinesOnline: number;
  offers: number;
  /** Offers that could be accepted on demand now. */
  open: number;
  gpus: number;
  /** GPUs that somebody holds, the simulated accounts or others. */
  gpusRented: number;
  /** $/h per GPU of the open offers; null where none is open. */
  lowest: number | null;
  highest: number | null;
}

/** The market by GPU model, most offers first. */
export function marketByModel(world: World): ModelLine[] {
  const lines = new Map<string, ModelLine>();
  for (const machine of world.machines.values()) {
    const line = lines.get(machine.model.name) ?? newLine(machine.model.name);
    lines.set(line.gpu, line);
    line.machines += 1;
    line.machinesOnline += machine.online ? 1 : 0;
    line.gpus += machine.gpuIds.length;
    line.gpusRented += new Set(machine.rentals.flatMap((rental) => rental.gpuIndexes)).size;
    for (const offer of machine.offers) {
      if (offer.removed) continue;
      line.offers += 1;
      if (!isOpen(world, offer.id)) continue;
      const price = machine.dphPerGpu * offer.priceFactor;
      line.open += 1;
      line.lowest = Math.min(line.lowest ?? price, price);
      line.highest = Math.max(line.highest ?? price, price);
    }
  }
  return [...lines.values()].sort((a, b) => b.offers - a.offers || a.gpu.localeCompare(b.gpu));
}

function newLine(gpu: string): ModelLine {
  return {
    gpu,
    machines: 0,
    machinesOnline: 0,
    offers: 0,
    open: 0,
    gpus: 0,
    gpusRented: 0,
    lowest: null,
    highest: null,
  };
}
