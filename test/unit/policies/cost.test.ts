import { describe, expect, test } from "vitest";
import { bandwidthPrice } from "../../../policies/cost/bandwidth-price.ts";
import { expirySet } from "../../../policies/cost/expiry-set.ts";
import { fleetBudget } from "../../../policies/cost/fleet-budget.ts";
import { idleVolumes } from "../../../policies/cost/idle-volumes.ts";
import { maxInstances } from "../../../policies/cost/max-instances.ts";
import { onDemandShare } from "../../../policies/cost/on-demand-share.ts";
import { ownerTags } from "../../../policies/cost/owner-tags.ts";
import { spotCheckpoints } from "../../../policies/cost/spot-checkpoints.ts";
import { stackBudget } from "../../../policies/cost/stack-budget.ts";
import { stoppedBounded } from "../../../policies/cost/stopped-bounded.ts";
import { teamBudget } from "../../../policies/cost/team-budget.ts";
import type { AnyRule } from "../../../policies/rule.ts";
import {
  instance,
  judge,
  judgeEach,
  judgeStack,
  PASS,
  type Resource,
  TARGET,
  UNKNOWN,
  unchecked,
  urnOf,
  volume,
} from "./judge.ts";

function refuses(rule: AnyRule, resource: Resource, message: string, config?: object): void {
  expect(judge(rule, resource, config)).toEqual({ violations: [`trainer: ${message}`], unknown: [] });
}

function leavesOpen(rule: AnyRule, resource: Resource, config?: object): void {
  const { violations, unknown } = judge(rule, resource, config);
  expect(violations).toEqual([]);
  expect(unknown).toEqual([expect.stringContaining("can't be known during preview")]);
}

/** Worker n of a fleet, with the most it may cost. */
function worker(n: number, maxDph: unknown, more: { fleet?: string; tags?: unknown; bid?: unknown } = {}): Resource {
  const { fleet = "trainer", ...inputs } = more;
  return { ...unchecked("instance", { offer: { maxDph }, ...inputs }), name: `${fleet}-${n}`, fleet };
}

const fix = "Lower workers or offer.maxDph, or agree on another budget (stacks/budgets.yaml).";

describe("fleet-budget", () => {
  const config = { fleets: { trainer: { perHour: 1 } } };

  test("passes caps that add up to the budget, to the last of a float", () => {
    expect(judgeStack(fleetBudget, [worker(0, 0.5), worker(1, 0.5)], config)).toEqual(PASS);
    expect(
      judgeStack(fleetBudget, [worker(0, 0.1), worker(1, 0.2)], { fleets: { trainer: { perHour: 0.3 } } }),
    ).toEqual(PASS);
  });

  test.each([
    ["hour", { perHour: 1 }, "$1.10", "$1.00"],
    ["day", { perDay: 26 }, "$26.40", "$26.00"],
    ["month", { perMonth: 791 }, "$792.00", "$791.00"],
  ])("refuses caps over the budget per %s", (period, limits, sum, budget) => {
    expect(judgeStack(fleetBudget, [worker(0, 0.5), worker(1, 0.6)], { fleets: { trainer: limits } })).toEqual({
      violations: [
        `trainer: the price caps of fleet trainer add up to ${sum} per ${period}; the budget is ${budget}. ${fix}`,
      ],
      unknown: [],
    });
  });

  test("counts the volumes of the fleet, and no other fleet's workers", () => {
    const scratch = { ...unchecked("volume", { maxDph: 0.2 }), name: "scratch", fleet: "trainer" };
    expect(judgeStack(fleetBudget, [worker(0, 0.9), scratch], config).violations).toHaveLength(1);
    expect(judgeStack(fleetBudget, [worker(0, 0.9), worker(0, 9, { fleet: "other" })], config)).toEqual(PASS);
  });

  test("passes volumes that declare no price, and refuses instances that do not", () => {
    const scratch = { ...unchecked("volume", {}), name: "scratch", fleet: "trainer" };
    expect(judgeStack(fleetBudget, [worker(0, 0.9), scratch], config)).toEqual(PASS);
    expect(judgeStack(fleetBudget, [worker(0, undefined), worker(1, undefined)], config).violations).toEqual([
      "trainer: fleet trainer has a budget, and nothing bounds the price of trainer-0, trainer-1. Set offer.maxDph.",
    ]);
    expect(judgeStack(fleetBudget, [worker(0, undefined)])).toEqual(PASS);
  });

  test("refuses what is known to be too much beside a cap that is not known yet, and leaves the rest open", () => {
    const over = judgeStack(fleetBudget, [worker(0, 1.5), worker(1, UNKNOWN)], config);
    expect(over.violations).toHaveLength(1);
    expect(over.unknown).toHaveLength(1);
    const open = judgeStack(fleetBudget, [worker(0, 0.5), worker(1, UNKNOWN)], config);
    expect(open).toEqual({ violations: [], unknown: [expect.stringContaining("offer.maxDph")] });
  });

  test("takes no budget of nothing, and no key that means nothing", () => {
    expect(() => judgeStack(fleetBudget, [], { fleets: { trainer: { perHour: 0 } } })).toThrow(/above 0 USD/);
    expect(() => judgeStack(fleetBudget, [], { fleets: { trainer: { perYear: 1 } } })).toThrow(/perYear/);
  });

  describe("while an update without a preview goes on", () => {
    const update = { isPreview: false };

    test("refuses the worker that would break the budget, before it is rented, and those after it", () => {
      const { violations } = judgeEach(
        fleetBudget,
        [worker(0, 0.6), worker(1, 0.3), worker(2, 0.2), worker(3, 0.1)],
        config,
        update,
      );
      expect(violations).toEqual([
        expect.stringContaining("trainer-2: trainer: the price caps of fleet trainer add up to $1.10 per hour"),
        expect.stringContaining("trainer-3: trainer: the price caps of fleet trainer add up to $1.20 per hour"),
      ]);
    });

    test("counts a volume among them", () => {
      const scratch = { ...unchecked("volume", { maxDph: 0.6 }), name: "scratch", fleet: "trainer" };
      expect(judgeEach(fleetBudget, [worker(0, 0.6), scratch], config, update).violations).toEqual([
        expect.stringContaining("scratch: trainer: the price caps of fleet trainer add up to $1.20 per hour"),
      ]);
    });

    test("counts a worker once, however often it is declared", () => {
      expect(judgeEach(fleetBudget, [worker(0, 0.6), worker(0, 0.6)], config, update)).toEqual(PASS);
    });

    test("refuses nothing that costs nothing", () => {
      const bucket = { ...unchecked("bucket", {}), name: "results" };
      expect(judgeEach(fleetBudget, [worker(0, 1.6), bucket], config, update).violations).toHaveLength(1);
    });
  });

  test("is judged once in a preview: for the whole stack, at its end", () => {
    expect(judgeEach(fleetBudget, [worker(0, 1.6)], config, { isPreview: true })).toEqual(PASS);
  });
});

describe("stack-budget", () => {
  test("refuses fleets that together break the budget of the stack or the project", () => {
    const stack = [worker(0, 1), worker(0, 2, { fleet: "other" })];
    expect(judgeStack(stackBudget, stack, { stack: { perHour: 3 }, project: { perDay: 72 } })).toEqual(PASS);
    expect(judgeStack(stackBudget, stack, { stack: { perHour: 2.5 }, project: { perDay: 70 } }).violations).toEqual([
      `stack: the price caps of this stack add up to $3.00 per hour; the budget is $2.50. ${fix}`,
      `project: the price caps of this stack alone add up to $72.00 per day; the budget is $70.00. ${fix}`,
    ]);
  });

  test("asks nothing without a budget", () => {
    expect(judgeStack(stackBudget, [worker(0, 99), worker(1, undefined)])).toEqual(PASS);
  });

  test("is held while an update goes on, for instances and volumes", () => {
    const scratch = { ...unchecked("volume", { maxDph: 2 }), name: "scratch" };
    const budget = { stack: { perHour: 3 } };
    const update = judgeEach(stackBudget, [worker(0, 2), worker(1, 2), scratch], budget, { isPreview: false });
    expect(update.violations).toEqual([
      expect.stringContaining("trainer-1: stack: the price caps of this stack add up to $4.00"),
      expect.stringContaining("scratch: stack: the price caps of this stack add up to $6.00"),
    ]);
  });

  test("leaves open what is not known yet", () => {
    expect(judgeStack(stackBudget, [worker(0, UNKNOWN)], { stack: { perHour: 3 } }).unknown).toHaveLength(1);
  });
});

describe("team-budget", () => {
  const config = { teams: { research: { perHour: 1 }, inference: { perHour: 5 } } };
  const of = (team: unknown) => ({ tags: { team } });

  test("adds up a team's instances, in whichever fleet", () => {
    const stack = [
      worker(0, 0.6, of("research")),
      worker(0, 0.6, { ...of("research"), fleet: "other" }),
      worker(1, 4, of("inference")),
      worker(2, 9),
    ];
    expect(judgeStack(teamBudget, stack, config).violations).toEqual([
      `research: the price caps of team research add up to $1.20 per hour; the budget is $1.00. ${fix}`,
    ]);
    expect(judgeStack(teamBudget, stack.slice(1), config)).toEqual(PASS);
  });

  test("leaves open a team that is not known yet", () => {
    const { violations, unknown } = judgeStack(teamBudget, [worker(0, 9, of(UNKNOWN))], config);
    expect(violations).toEqual([]);
    expect(unknown).toHaveLength(1);
  });

  test("is held while an update goes on", () => {
    const update = judgeEach(teamBudget, [worker(0, 2, of("research"))], config, { isPreview: false });
    expect(update.violations).toHaveLength(1);
  });
});

describe("max-instances", () => {
  test("passes as many as agreed, and refuses one more", () => {
    expect(judgeStack(maxInstances, [worker(0, 1), worker(1, 1)], { most: 2 })).toEqual(PASS);
    expect(judgeStack(maxInstances, [worker(0, 1), worker(1, 1), worker(2, 1)], { most: 2 }).violations).toEqual([
      "stack: it has 3 instances; the most is 2. Lower workers, or raise this policy's most.",
    ]);
  });

  test("counts instances whatever is not known of them", () => {
    expect(judgeStack(maxInstances, [worker(0, UNKNOWN)], { most: 0 }).violations).toHaveLength(1);
  });

  test("is held while an update goes on", () => {
    const workers = Array.from({ length: 65 }, (_, n) => worker(n, 1));
    expect(judgeEach(maxInstances, workers, {}, { isPreview: false }).violations).toEqual([
      expect.stringContaining("trainer-64: stack: it has 65 instances; the most is 64."),
    ]);
  });
});

describe("expiry-set", () => {
  test("passes a duration or a time within the bound", () => {
    expect(judge(expirySet, instance({ maxDurationHours: 720 }))).toEqual(PASS);
    expect(judge(expirySet, instance({ maxDurationHours: undefined, expiresAt: "2026-12-31T12:00:00Z" }))).toEqual(
      PASS,
    );
  });

  test("lets the update stop what is past its time", () => {
    expect(judge(expirySet, instance({ maxDurationHours: undefined, expiresAt: "2026-11-30T12:00:00Z" }))).toEqual(
      PASS,
    );
  });

  test("refuses neither, and too long", () => {
    refuses(
      expirySet,
      instance({ maxDurationHours: undefined }),
      "neither maxDurationHours nor expiresAt is set, so nothing says when it is no longer needed; the most is 720 h. Set maxDurationHours to at most 720.",
    );
    refuses(
      expirySet,
      instance({ maxDurationHours: 48 }),
      "maxDurationHours is 48; the most is 24. Lower it to at most 24, or raise this policy's maxHours.",
      { maxHours: 24 },
    );
    refuses(
      expirySet,
      instance({ maxDurationHours: undefined, expiresAt: "2027-01-01T12:00:00Z" }),
      "expiresAt is 2027-01-01T12:00:00Z, in 744 h; the most is 720. Choose an earlier time, or raise this policy's maxHours.",
    );
  });

  test("leaves open what is not known yet", () => leavesOpen(expirySet, instance({ maxDurationHours: UNKNOWN })));
});

describe("stopped-bounded", () => {
  const stopped = (expiresAt?: string) => instance({ state: "stopped", maxDurationHours: undefined, expiresAt });

  test("passes what runs, and what is stopped until a day that comes soon", () => {
    expect(judge(stoppedBounded, instance())).toEqual(PASS);
    expect(judge(stoppedBounded, stopped("2026-12-04T12:00:00Z"))).toEqual(PASS);
  });

  test("refuses what is stopped for ever, or for too long", () => {
    refuses(
      stoppedBounded,
      stopped(),
      'state is "stopped" and expiresAt is not set, so its disk bills without end; the most is 72 h. Set expiresAt, or take the instance out of the program (its results are copied out first).',
    );
    refuses(
      stoppedBounded,
      stopped("2026-12-04T13:00:00Z"),
      'state is "stopped" until 2026-12-04T13:00:00Z, 73 h from now; the most is 72 h. Choose an earlier expiresAt, or raise this policy\'s maxHours.',
    );
  });

  test("leaves open what is not known yet", () => leavesOpen(stoppedBounded, instance({ state: UNKNOWN })));
});

describe("bandwidth-price", () => {
  test("passes up to the cap, and a pinned offer, which costs what it costs", () => {
    expect(judge(bandwidthPrice, instance({ offer: { maxBandwidthPrice: 0.05 } }))).toEqual(PASS);
    expect(judge(bandwidthPrice, instance({ offer: { id: 7 } }))).toEqual(PASS);
    expect(judge(bandwidthPrice, unchecked("instance", {}))).toEqual(PASS);
  });

  test("warns of any price, and of a high one", () => {
    refuses(
      bandwidthPrice,
      instance({ offer: { maxBandwidthPrice: undefined } }),
      "offer.maxBandwidthPrice is not set, so any price is taken; the cap is $0.05/GB. Set it to at most 0.05.",
    );
    refuses(
      bandwidthPrice,
      instance({ offer: { maxBandwidthPrice: 0.02 } }),
      "offer.maxBandwidthPrice is $0.02/GB; the cap is $0.01/GB. Set it to at most 0.01.",
      { capUsdPerGb: 0.01 },
    );
  });

  test("leaves open what is not known yet", () => {
    leavesOpen(bandwidthPrice, instance({ offer: { maxBandwidthPrice: UNKNOWN } }));
  });
});

describe("spot-checkpoints", () => {
  const paths = ["/workspace/checkpoints"];

  test("passes on demand whatever it copies, and a bid with a limit and a target", () => {
    expect(judge(spotCheckpoints, instance({ copyOut: undefined }))).toEqual(PASS);
    expect(judge(spotCheckpoints, instance({ bid: 0.2, maxBid: 0.3 }))).toEqual(PASS);
  });

  test("refuses a bid without a limit", () => {
    refuses(
      spotCheckpoints,
      instance({ bid: 0.2 }),
      "bid is $0.20/h and maxBid is not set, so nothing says how far a lost bid may be raised. Set maxBid to at least 0.2.",
    );
  });

  test("refuses a bid whose checkpoints stay on the machine, with a waiver as without", () => {
    refuses(
      spotCheckpoints,
      unchecked("instance", { bid: 0.2, maxBid: 0.3, copyOut: { paths } }),
      "copyOut.target is missing, and an interruptible instance may lose its disk at any moment. Set it to the binding of a CloudSyncTarget, or leave bid out to rent on demand.",
    );
    refuses(
      spotCheckpoints,
      unchecked("instance", { bid: 0.2, maxBid: 0.3, copyOut: { target: TARGET, paths, waive: "it is only a test" } }),
      "copyOut.waive is set, and an interruptible instance may lose its disk at any moment. Declare copyOut.target and copyOut.paths, or leave bid out to rent on demand.",
    );
    expect(judge(spotCheckpoints, instance({ bid: 0.2, maxBid: 0.3, copyOut: undefined })).violations).toHaveLength(1);
  });

  test("leaves open what is not known yet", () => {
    leavesOpen(spotCheckpoints, instance({ bid: 0.2, maxBid: 0.3, copyOut: { target: UNKNOWN, paths } }));
  });
});

describe("on-demand-share", () => {
  const mixed = [worker(0, 1), worker(1, 1, { bid: 0.2 }), worker(2, 1, { bid: 0.2 }), worker(3, 1, { bid: 0.2 })];

  test("asks nothing until it is configured", () => {
    expect(judgeStack(onDemandShare, mixed)).toEqual(PASS);
  });

  test("passes a share at either bound", () => {
    expect(judgeStack(onDemandShare, mixed, { least: 0.25, most: 0.25 })).toEqual(PASS);
  });

  test("warns of too few and of too many on demand, fleet by fleet", () => {
    expect(judgeStack(onDemandShare, mixed, { least: 0.5 }).violations).toEqual([
      "trainer: 25 % of its workers are on demand; agreed are 50 % to 100 %. Leave bid out for some workers (overrides).",
    ]);
    expect(judgeStack(onDemandShare, [...mixed, worker(0, 1, { fleet: "other" })], { most: 0.5 }).violations).toEqual([
      "other: 100 % of its workers are on demand; agreed are 0 % to 50 %. Give some workers a bid and a maxBid (overrides).",
    ]);
  });

  test("leaves alone instances that are no fleet, and open what is not known yet", () => {
    expect(judgeStack(onDemandShare, [unchecked("instance", {})], { most: 0 })).toEqual(PASS);
    for (const config of [{ most: 0 }, { least: 1 }]) {
      const { violations, unknown } = judgeStack(onDemandShare, [worker(0, 1, { bid: UNKNOWN })], config);
      expect(violations).toEqual([]);
      expect(unknown).toHaveLength(1);
    }
  });
});

describe("idle-volumes", () => {
  const data = { ...volume(), name: "data" };

  test("passes a volume that an instance is made with, by dependency or by id", () => {
    expect(judgeStack(idleVolumes, [data, { ...instance(), uses: [urnOf(data)] }])).toEqual(PASS);
    const existing = { ...unchecked("volume", { volumeId: 5 }), name: "data" };
    const mounting = unchecked("instance", { volume: { id: "5", machineId: 2, mountPath: "/data" } });
    const other = { ...unchecked("instance", {}), name: "other" };
    expect(judgeStack(idleVolumes, [existing, mounting, other])).toEqual(PASS);
  });

  test("warns of a volume that nothing mounts", () => {
    const message =
      "data: 0 instances mount this volume, and it bills all the same; 1 is expected. Mount it (volume: { id, machineId, mountPath }), or take it out of the program.";
    expect(judgeStack(idleVolumes, [data, instance()])).toEqual({ violations: [message], unknown: [] });
    const other = unchecked("instance", { volume: { id: 6, machineId: 2, mountPath: "/data" } });
    const existing = { ...unchecked("volume", { volumeId: 5 }), name: "data" };
    expect(judgeStack(idleVolumes, [existing, other]).violations).toEqual([message]);
    expect(judgeStack(idleVolumes, [existing, instance()]).violations).toEqual([message]);
  });

  test("leaves open a volume whose id is not known yet", () => {
    const soon = { ...unchecked("volume", { volumeId: UNKNOWN }), name: "data" };
    const { violations, unknown } = judgeStack(idleVolumes, [soon, instance()]);
    expect(violations).toEqual([]);
    expect(unknown).toHaveLength(1);
  });
});

describe("owner-tags", () => {
  test("warns of what is missing, or blank", () => {
    refuses(
      ownerTags,
      instance({ tags: undefined }),
      'tags lacks owner and team; needed are owner and team. Add them, e.g. tags: { owner: "…", team: "…" }.',
    );
    refuses(
      ownerTags,
      instance({ tags: { owner: "ada", team: " " } }),
      'tags lacks team; needed are owner and team. Add them, e.g. tags: { team: "…" }.',
    );
    refuses(
      ownerTags,
      instance({ tags: { team: "research" } }),
      'tags lacks owner; needed are owner and team. Add them, e.g. tags: { owner: "…" }.',
    );
  });

  test("asks for the tags that are configured", () => {
    expect(judge(ownerTags, instance({ tags: { costCentre: "7" } }), { tags: ["costCentre"] })).toEqual(PASS);
  });

  test("leaves open what is not known yet", () =>
    leavesOpen(ownerTags, instance({ tags: { owner: UNKNOWN, team: "a" } })));
});
