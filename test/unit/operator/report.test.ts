import { describe, expect, test } from "vitest";
import { type Material, reportOf } from "../../../operator/report/figures.ts";
import { page } from "../../../operator/report/page.ts";
import { progressIn } from "../../../operator/report/sample.ts";
import type { Sample } from "../../../operator/report/samples.ts";
import { markdown } from "../../../operator/report/text.ts";

const T = Date.UTC(2026, 10, 24) / 1000;
const MIN = 60;

const sample = (minutes: number, different: Partial<Sample> = {}): Sample => ({
  atS: T + minutes * MIN,
  contract: 1,
  label: "zeb-worker-0",
  fleet: "zeb",
  team: "research",
  gpu: "1x RTX 3060",
  dph: 0.06,
  condition: "running",
  ...different,
});
const material = (different: Partial<Material> = {}): Material => ({
  stack: "dev",
  fromS: T,
  toS: T + 86_400,
  costs: [{ day: "2026-11-24", source: "instance-1", label: "zeb-worker-0", usd: 0.5 }],
  samples: [],
  removals: [],
  factsOf: () => ({}),
  actions: {},
  unit: "games",
  ...different,
});

describe("work for each dollar", () => {
  test("is a rate from the log over the time between two looks", () => {
    const report = reportOf(material({ samples: [sample(0, { rate: 4 }), sample(60, { rate: 4 })] }));
    expect(report.byGpu).toMatchObject([
      { name: "1x RTX 3060", hours: 1, units: 14_400, unitsPerS: 4, unitsPerUsd: 28_800 },
    ]);
  });

  test("is the log's own count where it has one, and a count that starts anew is not negative work", () => {
    const samples = [sample(0, { total: 256 }), sample(30, { total: 1256 }), sample(60, { total: 100 })];
    expect(reportOf(material({ samples })).units).toBe(1100);
  });

  test("counts no time that nobody saw: a worker that did not run, or looks too far apart", () => {
    const stopped = [sample(0, { rate: 4 }), sample(30, { condition: "crashed" }), sample(60, { rate: 4 })];
    expect(reportOf(material({ samples: stopped })).byGpu[0]?.hours).toBe(0);
    expect(reportOf(material({ samples: [sample(0), sample(300)] })).byGpu[0]?.hours).toBe(0);
  });
});

test("costs are split by fleet, team, GPU and day; what no look covers is called unknown", () => {
  const costs = [
    { day: "2026-11-23", source: "instance-1", label: "zeb-worker-0", usd: 3 },
    { day: "2026-11-24", source: "instance-1", label: "zeb-worker-0", usd: 1 },
    { day: "2026-11-24", source: "instance-2", label: "big-worker-0", usd: 4 },
    { day: "2026-11-24", source: "volume-7", label: "big-volume", usd: 2 },
  ];
  const factsOf = ({ label }: { label: string }) => (label.startsWith("big") ? { fleet: "big", team: "vision" } : {});
  const report = reportOf(material({ costs, samples: [sample(0)], factsOf }));
  expect(report.totalUsd).toBe(10);
  expect(report.byFleet).toEqual([
    { name: "big", usd: 6, share: 60 },
    { name: "zeb", usd: 4, share: 40 },
  ]);
  expect(report.byTeam.map(({ name, usd }) => [name, usd])).toEqual([
    ["vision", 6],
    ["research", 4],
  ]);
  expect(report.byGpu.map(({ name, usd }) => [name, usd])).toEqual([
    ["1x RTX 3060", 4],
    ["unknown", 4],
    ["volume", 2],
  ]);
  expect(report.byDay).toEqual([
    { day: "2026-11-23", usd: 3, byFleet: { zeb: 3 } },
    { day: "2026-11-24", usd: 7, byFleet: { zeb: 1, big: 6 } },
  ]);
});

describe("GPU use", () => {
  test("is weighted by time, and a host that reports nothing is missing, not idle", () => {
    const samples = [
      ...[sample(0), sample(60, { gpuUse: 90 }), sample(120, { gpuUse: 30 })],
      ...[sample(0, { contract: 2, label: "zeb-worker-1" }), sample(60, { contract: 2, label: "zeb-worker-1" })],
    ];
    expect(reportOf(material({ samples })).gpuUse).toEqual({
      percent: 60,
      wanted: 60,
      measuredHours: 2,
      missingHours: 1,
    });
  });
});

describe("interruptions", () => {
  const of = (samples: Sample[], removals: Material["removals"] = []) =>
    reportOf(material({ samples, removals })).interruptions.map(({ what, recoveredAfterS }) => [what, recoveredAfterS]);

  test("a preempted worker counts until it runs again, on whichever contract", () => {
    expect(of([sample(0), sample(10, { condition: "preempted" }), sample(18, { contract: 2 })])).toEqual([
      ["preempted", 8 * MIN],
    ]);
  });

  test("one that another contract replaced between two looks is an interruption, too", () => {
    expect(of([sample(0), sample(10, { contract: 2 })])).toEqual([["replaced", 10 * MIN]]);
  });

  test("one that does not come back is open", () => {
    expect(of([sample(0), sample(10, { condition: "offline" })])).toEqual([["offline", undefined]]);
  });

  test("a worker that somebody removed, and that came back later, was not interrupted", () => {
    const removals = [{ label: "zeb-worker-0", atS: T + 5 * MIN }];
    expect(of([sample(0), sample(60, { contract: 2 })], removals)).toEqual([]);
  });

  test("one that was removed before it ran again took no time to recover, and is not open", () => {
    const samples = [sample(0), sample(10, { condition: "crashed" }), sample(600, { contract: 2 })];
    const removals = [{ label: "zeb-worker-0", atS: T + 20 * MIN }];
    const { interruptions, recovery } = reportOf(material({ samples, removals }));
    expect(interruptions).toMatchObject([{ what: "crashed", removed: true, recoveredAfterS: undefined }]);
    expect(recovery).toMatchObject({ count: 0, open: 0 });
  });

  test("recovery times are the median and the worst of those that recovered", () => {
    const samples = [0, 40, 80].flatMap((at, index) => [
      sample(at),
      sample(at + 10, { condition: "crashed" }),
      sample(at + 20 + index * 5),
    ]);
    expect(reportOf(material({ samples })).recovery).toEqual({
      count: 3,
      open: 0,
      medianS: 15 * MIN,
      worstS: 20 * MIN,
    });
  });
});

describe("work in a log", () => {
  const line = "[worker-vast-0] batch 2: 7168 examples, 1.5 games/s, step=142, total_games=512";

  test("is found as the runbook's workers write it", () => {
    expect(progressIn(`${line}\nuploading`, undefined)).toMatchObject({ rate: 1.5, total: 512 });
  });

  test("is found with any regular expression, by its groups or its first one", () => {
    expect(progressIn("speed: 31.5 tokens/s", /([\d.]+) tokens\/s/)).toMatchObject({ rate: 31.5 });
    expect(progressIn("done 12,000 images", /done (?<total>[\d,]+) images/)).toMatchObject({ total: 12_000 });
    expect(progressIn("nothing of the kind", /([\d.]+) tokens\/s/)).toBeUndefined();
  });
});

test("Markdown has every table, and a label with a bar breaks none", () => {
  const factsOf = () => ({ fleet: "a|b" });
  const text = markdown(reportOf(material({ factsOf })));
  expect(text).toContain("| a\\|b | $0.50 | 100.0 % |");
  expect(text).toContain("No samples: GPU use, work, interruptions and recovery are not known.");
});

test("what a label says becomes no markup and ends no script of the page", () => {
  const factsOf = () => ({ fleet: "</script><img src=x onerror=alert(1)>" });
  const html = page(reportOf(material({ factsOf })));
  expect(html).not.toContain("</script><img");
  expect(html).not.toContain("<img");
});
