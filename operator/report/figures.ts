import { type Interruption, interruptionsIn, type Removal } from "./interruptions.ts";
import type { Sample } from "./samples.ts";

/** USD that one contract or volume cost on one day. */
export interface Cost {
  /** e.g. "2026-11-24", UTC. */
  day: string;
  /** e.g. "instance-12345678" */
  source: string;
  label: string;
  usd: number;
}

export interface Facts {
  fleet: string;
  team: string;
  gpu: string;
}

export interface Material {
  stack: string;
  fromS: number;
  toS: number;
  costs: readonly Cost[];
  samples: readonly Sample[];
  removals: readonly Removal[];
  /** What is known of a source besides its samples. */
  factsOf: (cost: Cost) => Partial<Facts>;
  /** How many actions of a kind the record has, e.g. `scale`, `replace`. */
  actions: Readonly<Record<string, number>>;
  /** What a unit of work is called, e.g. "games". */
  unit: string;
}

export interface Share {
  name: string;
  usd: number;
  /** Percent of everything. */
  share: number;
}

export interface GpuFigures extends Share {
  /** Hours that its workers were seen to run. */
  hours: number;
  /** USD for each of them. */
  usdPerHour: number | undefined;
  /** Work units done in these hours, as far as logs said, a second and for each dollar. */
  units: number;
  unitsPerS: number | undefined;
  unitsPerUsd: number | undefined;
  /** Percent, over the hours for which the host reported it. */
  gpuUse: number | undefined;
}

export interface Report {
  stack: string;
  from: string;
  to: string;
  unit: string;
  totalUsd: number;
  byDay: { day: string; usd: number; byFleet: Record<string, number> }[];
  byFleet: Share[];
  byTeam: Share[];
  byGpu: GpuFigures[];
  units: number;
  unitsPerUsd: number | undefined;
  gpuUse: { percent: number | undefined; wanted: number; measuredHours: number; missingHours: number };
  interruptions: (Interruption & { at: string })[];
  recovery: { count: number; open: number; medianS: number | undefined; worstS: number | undefined };
  /** Workers at each look, and those of them that ran. */
  size: { at: string; workers: number; running: number; dph: number }[];
  actions: Readonly<Record<string, number>>;
  /** What the figures do not cover. */
  notes: string[];
}

/** Percent below which GPUs are not worth their money (lifecycle document, "Health metrics"). */
export const WANTED_GPU_USE = 60;
/** Looks further apart than this say nothing about the time between them. */
const LONGEST_GAP_S = 2 * 3600;
const UNKNOWN = "unknown";

export function reportOf(material: Material): Report {
  const { samples, costs } = material;
  const known = new Map(samples.map((sample) => [`instance-${sample.contract}`, sample]));
  const facts = (cost: Cost): Facts => {
    const { fleet, team, gpu } = { ...material.factsOf(cost), ...definedOf(known.get(cost.source)) };
    return {
      fleet: fleet ?? UNKNOWN,
      team: team ?? UNKNOWN,
      gpu: gpu ?? (cost.source.startsWith("volume-") ? "volume" : UNKNOWN),
    };
  };
  const totalUsd = sum(costs.map(({ usd }) => usd));
  const sharesBy = (key: (cost: Cost) => string) => sharesOf(costs, key, totalUsd);
  const stretches = stretchesOf(samples);
  const interruptions = interruptionsIn(samples, material.removals);
  const recoveries = interruptions.flatMap(({ recoveredAfterS }) => recoveredAfterS ?? []).toSorted((a, b) => a - b);
  const units = sum(stretches.map((stretch) => stretch.units));
  return {
    stack: material.stack,
    from: iso(material.fromS),
    to: iso(material.toS),
    unit: material.unit,
    totalUsd: cents(totalUsd),
    byDay: byDay(costs, (cost) => facts(cost).fleet),
    byFleet: sharesBy((cost) => facts(cost).fleet),
    byTeam: sharesBy((cost) => facts(cost).team),
    byGpu: sharesBy((cost) => facts(cost).gpu).map((share) => gpuFigures(share, stretches)),
    units: Math.round(units),
    unitsPerUsd: units > 0 && totalUsd > 0 ? Math.round(units / totalUsd) : undefined,
    gpuUse: useOf(stretches),
    interruptions: interruptions.map((one) => ({ ...one, at: iso(one.atS) })),
    recovery: {
      count: recoveries.length,
      open: interruptions.filter(({ recoveredAfterS, removed }) => recoveredAfterS === undefined && !removed).length,
      medianS: recoveries[Math.floor((recoveries.length - 1) / 2)],
      worstS: recoveries.at(-1),
    },
    size: sizesOf(samples),
    actions: material.actions,
    notes: notesOf(material, stretches),
  };
}

function definedOf(sample: Sample | undefined): Partial<Facts> {
  return sample ? { fleet: sample.fleet, team: sample.team, gpu: sample.gpu } : {};
}

/** The time between two looks at a contract that ran at both. */
interface Stretch {
  gpu: string;
  hours: number;
  units: number;
  gpuUse: number | undefined;
}

function stretchesOf(samples: readonly Sample[]): Stretch[] {
  return [...Map.groupBy(samples, ({ contract }) => contract).values()].flatMap((own) => {
    const inOrder = own.toSorted((a, b) => a.atS - b.atS);
    return inOrder.flatMap((sample, index) => {
      const before = inOrder[index - 1];
      if (before === undefined || before.condition !== "running" || sample.condition !== "running") return [];
      const seconds = sample.atS - before.atS;
      if (seconds > LONGEST_GAP_S) return [];
      return [
        { gpu: sample.gpu, hours: seconds / 3600, units: unitsOf(before, sample, seconds), gpuUse: sample.gpuUse },
      ];
    });
  });
}

/** Its own count where the log has one; a count that starts again says what was done since. Else its rate, over the time. */
function unitsOf(before: Sample, after: Sample, seconds: number): number {
  if (before.total !== undefined && after.total !== undefined)
    return after.total >= before.total ? after.total - before.total : after.total;
  return (after.rate ?? 0) * seconds;
}

function gpuFigures(share: Share, stretches: readonly Stretch[]): GpuFigures {
  const own = stretches.filter(({ gpu }) => gpu === share.name);
  const hours = sum(own.map((stretch) => stretch.hours));
  const units = sum(own.map((stretch) => stretch.units));
  return {
    ...share,
    hours: Math.round(hours * 10) / 10,
    usdPerHour: hours > 0 ? Math.round((share.usd / hours) * 1e4) / 1e4 : undefined,
    units: Math.round(units),
    unitsPerS: units > 0 ? Math.round((units / hours / 3600) * 100) / 100 : undefined,
    unitsPerUsd: units > 0 && share.usd > 0 ? Math.round(units / share.usd) : undefined,
    gpuUse: useOf(own).percent,
  };
}

function useOf(stretches: readonly Stretch[]): Report["gpuUse"] {
  const measured = stretches.filter((stretch) => stretch.gpuUse !== undefined);
  const measuredHours = sum(measured.map(({ hours }) => hours));
  const weighted = sum(measured.map(({ hours, gpuUse = 0 }) => hours * gpuUse));
  return {
    percent: measuredHours > 0 ? Math.round((weighted / measuredHours) * 10) / 10 : undefined,
    wanted: WANTED_GPU_USE,
    measuredHours: Math.round(measuredHours * 10) / 10,
    missingHours: Math.round((sum(stretches.map(({ hours }) => hours)) - measuredHours) * 10) / 10,
  };
}

function sharesOf(costs: readonly Cost[], key: (cost: Cost) => string, totalUsd: number): Share[] {
  return [...Map.groupBy(costs, key)]
    .map(([name, own]) => ({ name, usd: sum(own.map(({ usd }) => usd)) }))
    .map(({ name, usd }) => ({
      name,
      usd: cents(usd),
      share: totalUsd > 0 ? Math.round((usd / totalUsd) * 1000) / 10 : 0,
    }))
    .toSorted((a, b) => b.usd - a.usd);
}

function byDay(costs: readonly Cost[], fleetOf: (cost: Cost) => string): Report["byDay"] {
  return [...Map.groupBy(costs, ({ day }) => day)]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([day, own]) => ({
      day,
      usd: cents(sum(own.map(({ usd }) => usd))),
      byFleet: Object.fromEntries(sharesOf(own, fleetOf, 0).map(({ name, usd }) => [name, usd])),
    }));
}

function sizesOf(samples: readonly Sample[]): Report["size"] {
  return [...Map.groupBy(samples, ({ atS }) => atS)]
    .toSorted(([a], [b]) => a - b)
    .map(([atS, own]) => ({
      at: iso(atS),
      workers: own.length,
      running: own.filter(({ condition }) => condition === "running").length,
      dph: cents(sum(own.map(({ dph }) => dph))),
    }));
}

function notesOf({ samples, unit, costs }: Material, stretches: readonly Stretch[]): string[] {
  const notes = ["Charges come hours after the use they are for; the last day is not complete."];
  if (costs.length === 0) notes.push("Vast.ai has charged nothing in this time yet.");
  if (samples.length === 0)
    notes.push(
      "No samples: GPU use, work, interruptions and recovery are not known. Run `vast-fleet report --sample` regularly.",
    );
  else if (stretches.every(({ units }) => units === 0))
    notes.push(`No log said how many ${unit} were done; \`--units\` takes another regular expression.`);
  const lookedEveryS = usualGapS(samples);
  if (lookedEveryS !== undefined)
    notes.push(
      `Workers were looked at every ${Math.ceil(lookedEveryS / 60)} min: interruptions and recoveries are no more exact than that.`,
    );
  return notes;
}

/** Between two looks; the median, since cron was not always there. */
function usualGapS(samples: readonly Sample[]): number | undefined {
  const looks = [...new Set(samples.map(({ atS }) => atS))].toSorted((a, b) => a - b);
  const gaps = looks.slice(1).map((atS, index) => atS - (looks[index] ?? atS));
  return gaps.toSorted((a, b) => a - b)[Math.floor((gaps.length - 1) / 2)];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const cents = (usd: number): number => Math.round(usd * 100) / 100;
const iso = (atS: number): string => new Date(atS * 1000).toISOString();
