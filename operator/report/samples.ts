import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { InstanceRow } from "pulumi-vast/internal/api/instances";
import { conditionOf } from "pulumi-vast/internal/lifecycle/instance/condition";
import { z } from "zod";
import { gpuUse } from "../autoscale/work.ts";
import type { Progress } from "../watch/log.ts";

/** What a look showed of one worker; the service keeps none of it, so a report can only tell what was noted. */
const sampleSchema = z.object({
  /** Epoch seconds by the service's clock. */
  atS: z.number(),
  contract: z.number(),
  label: z.string(),
  fleet: z.string(),
  team: z.string(),
  gpu: z.string(),
  /** USD/h, all-in. */
  dph: z.number(),
  condition: z.string(),
  /** Percent; undefined where the host reports nothing. */
  gpuUse: z.number().optional(),
  /** Work units a second, and in all, as its log says. */
  rate: z.number().optional(),
  total: z.number().optional(),
});
export type Sample = z.output<typeof sampleSchema>;

export function sampleOf(
  row: InstanceRow,
  { fleet, team, progress }: { fleet: string; team: string; progress: Progress | undefined },
  atS: number,
): Sample {
  const use = gpuUse(row);
  return {
    atS,
    contract: row.id,
    label: row.label ?? "",
    fleet,
    team,
    gpu: `${row.num_gpus ?? "?"}x ${row.gpu_name ?? "?"}`,
    dph: row.dph_total,
    condition: conditionOf(row),
    ...(use === undefined ? {} : { gpuUse: use }),
    ...(progress?.rate === undefined ? {} : { rate: progress.rate }),
    ...(progress?.total === undefined ? {} : { total: progress.total }),
  };
}

export function appendSamples(file: string, samples: readonly Sample[]): void {
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, samples.map((sample) => `${JSON.stringify(sample)}\n`).join(""));
}

/** Those of a span; a line that was cut short by a full disk is left out. */
export function readSamples(file: string, { fromS, toS }: { fromS: number; toS: number }): Sample[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => {
      const parsed = sampleSchema.safeParse(parsedJson(line));
      return parsed.success && parsed.data.atS >= fromS && parsed.data.atS < toS ? [parsed.data] : [];
    });
}

function parsedJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
