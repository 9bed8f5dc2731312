import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { allInDph, type Offer } from "../../../provider/api/offers.ts";
import { candidates, misfit, type Need, type OfferCriteria, offerQuery } from "../../../provider/fleet/place.ts";
import { offer } from "../../support/rows.ts";

function need(criteria: Partial<OfferCriteria> = {}, rest: Partial<Need> = {}): Need {
  return {
    criteria: {
      gpu: ["RTX 4090"],
      count: 1,
      verified: true,
      minReliability: 0.95,
      minDirectPorts: 1,
      excludeMachines: [],
      excludeHosts: [],
      order: "price",
      ...criteria,
    },
    diskGb: 50,
    ...rest,
  };
}

describe("the search for offers", () => {
  test("asks for the API's GPU names, rentable machines, and room for the disk, which it prices in", () => {
    const query = offerQuery(need({ gpu: ["A100", "rtx_4090"] }));

    expect(query.filters).toMatchObject({
      gpu_name: { in: ["A100 PCIE", "A100 SXM4", "RTX 4090"] },
      num_gpus: { eq: 1 },
      rentable: { eq: true },
      rented: { eq: false },
      verified: { eq: true },
      reliability: { gte: 0.95 },
      disk_space: { gte: 50 },
      direct_port_count: { gte: 1 },
    });
    expect(query).toMatchObject({ type: "on-demand", allocatedStorageGb: 50, order: [["dph_total", "asc"]] });
  });

  test("turns GB into the API's thousands of MB, and hours into seconds", () => {
    const { filters } = offerQuery(need({ minVramGb: 24, minDurationHours: 2 }));
    expect(filters.gpu_ram).toEqual({ gte: 24_000 });
    expect(filters.duration).toEqual({ gte: 7200 });
  });

  test("caps both directions of bandwidth", () => {
    const { filters } = offerQuery(need({ maxBandwidthPrice: 0.01 }));
    expect(filters.inet_up_cost).toEqual({ lte: 0.01 });
    expect(filters.inet_down_cost).toEqual({ lte: 0.01 });
  });

  test("leaves excluded machines and hosts, and bids that cannot win, to the service: one search shows only so many", () => {
    const criteria = { excludeMachines: [7], excludeHosts: [8] };
    expect(offerQuery(need(criteria, { bid: 0.3 })).filters).toMatchObject({
      machine_id: { notin: [7] },
      host_id: { notin: [8] },
      min_bid: { lte: 0.3 },
    });
    expect(offerQuery(need(criteria, { machineId: 9 })).filters.machine_id).toEqual({ notin: [7], eq: 9 });
  });

  test("leaves unset criteria out instead of sending nothing for them", () => {
    const { filters } = offerQuery(need({ verified: false }));
    for (const column of [
      "verified",
      "gpu_ram",
      "cuda_max_good",
      "dph_total",
      "geolocation",
      "duration",
      "machine_id",
      "host_id",
      "min_bid",
    ])
      expect(filters).not.toHaveProperty(column);
    expect(JSON.stringify(filters)).not.toContain("null");
  });

  test("for an interruptible instance asks for bids, and leaves the price to us: the service compares its own bid", () => {
    const query = offerQuery(need({ maxDph: 0.3 }, { bid: 0.2 }));
    expect(query.type).toBe("bid");
    expect(query.filters).not.toHaveProperty("dph_total");
  });

  test("goes to the volume's machine and to no other", () => {
    expect(offerQuery(need({}, { machineId: 7 })).filters.machine_id).toEqual({ eq: 7 });
  });
});

describe("the all-in price", () => {
  test("is GPUs plus disk, a month of which has 720 hours", () => {
    expect(allInDph({ dph_base: 0.25, storage_cost: 0.144 }, 50)).toBeCloseTo(0.26, 10);
  });

  test("of an interruptible instance is its bid plus disk", () => {
    expect(allInDph({ dph_base: 0.25, storage_cost: 0.144 }, 50, 0.1)).toBeCloseTo(0.11, 10);
  });
});

describe("a machine that does not do is named with its reason", () => {
  test.for<[string, Partial<OfferCriteria>, Partial<Offer>, RegExp]>([
    ["another GPU", {}, { gpu_name: "RTX 3090" }, /GPU is RTX 3090/],
    ["fewer GPUs", { count: 2 }, {}, /1 GPUs instead of 2/],
    ["too little VRAM", { minVramGb: 40 }, {}, /24564 MB of VRAM/],
    ["an unverified host", {}, { verification: "unverified" }, /host is unverified/],
    ["an unreliable host", {}, { reliability2: 0.9 }, /reliability 0.9 is below 0.95/],
    ["an old driver", { minCuda: 12.8 }, {}, /CUDA 12.2, 12.8 is needed/],
    ["a price over the cap because of the disk", { maxDph: 0.255 }, {}, /\$0\.260\/h all-in is over maxDph \$0\.255/],
    ["dear uploads", { maxBandwidthPrice: 0.02 }, { inet_up_cost: 0.03 }, /bandwidth/],
    ["dear downloads", { maxBandwidthPrice: 0.02 }, { inet_down_cost: 0.03 }, /bandwidth/],
    ["another country", { countries: ["US", "CA"] }, {}, /host is in CN/],
    ["an excluded machine", { excludeMachines: [22_990] }, {}, /machine 22990 is excluded/],
    ["an excluded host", { excludeHosts: [125_418] }, {}, /host 125418 is excluded/],
  ])("%s", ([, criteria, different, reason]) => {
    expect(misfit(need(criteria), offer(different))).toMatch(reason);
  });

  test("and one that does has none", () => {
    const all: Partial<OfferCriteria> = { minVramGb: 24, minCuda: 12.2, maxDph: 0.26, countries: ["CN"] };
    expect(misfit(need(all), offer())).toBeUndefined();
  });

  test("a price exactly at the cap does, in spite of floating point", () => {
    expect(
      misfit(need({ maxDph: 0.3 }, { diskGb: 0 }), offer({ dph_base: 0.1 + 0.2, storage_cost: 0 })),
    ).toBeUndefined();
  });

  test("a country is read from `City, CC` and from `, CC`", () => {
    expect(misfit(need({ countries: ["US"] }), offer({ geolocation: ", US" }))).toBeUndefined();
    expect(misfit(need({ countries: ["US"] }), offer({ geolocation: "Reno, US " }))).toBeUndefined();
  });

  test("columns that the service leaves empty are no misfit", () => {
    const sparse = { machine_id: 1, dph_base: 0.1, storage_cost: 0.1, reliability2: null, cuda_max_good: null };
    expect(misfit(need({ minCuda: 12, minVramGb: 10 }), sparse)).toBeUndefined();
  });
});

describe("the candidates", () => {
  test("are one offer per machine, the cheapest all-in, so that the next try is on another machine", () => {
    const offers = [
      offer({ id: 1, machine_id: 1, dph_base: 0.3 }),
      offer({ id: 2, machine_id: 1, dph_base: 0.2 }),
      offer({ id: 3, machine_id: 2, dph_base: 0.1, storage_cost: 2.88 }),
    ];
    expect(candidates(need(), offers, new Set()).map(({ id }) => id)).toEqual([2, 3]);
  });

  test("leave out machines that are to be avoided", () => {
    const offers = [offer({ id: 1, machine_id: 1 }), offer({ id: 2, machine_id: 2 })];
    expect(candidates(need(), offers, new Set([1])).map(({ id }) => id)).toEqual([2]);
  });

  test("leave out machines without room for the disk or with too few ports, whatever the search returned", () => {
    const offers = [offer({ id: 1, disk_space: 49 }), offer({ id: 2, direct_port_count: 0 })];
    expect(candidates(need(), offers, new Set())).toEqual([]);
  });

  test("for a bid are those it can win", () => {
    const offers = [offer({ id: 1, machine_id: 1, min_bid: 0.21 }), offer({ id: 2, machine_id: 2, min_bid: 0.2 })];
    expect(candidates(need({}, { bid: 0.2 }), offers, new Set()).map(({ id }) => id)).toEqual([2]);
  });

  test("keep the service's order when it is not by price", () => {
    const offers = [offer({ id: 1, machine_id: 1, dph_base: 0.3 }), offer({ id: 2, machine_id: 2, dph_base: 0.1 })];
    expect(candidates(need({ order: "reliability" }), offers, new Set()).map(({ id }) => id)).toEqual([1, 2]);
  });

  test("on any market: fitting, one per machine, cheapest first, none to be avoided", () => {
    const anyOffer = fc
      .record({
        id: fc.integer({ min: 1, max: 1e6 }),
        machine_id: fc.integer({ min: 1, max: 8 }),
        dph_base: fc.double({ min: 0.01, max: 2, noNaN: true }),
        disk_space: fc.integer({ min: 0, max: 200 }),
        reliability2: fc.double({ min: 0.9, max: 1, noNaN: true }),
        verification: fc.constantFrom("verified", "unverified"),
      })
      .map((different) => offer(different));
    fc.assert(
      fc.property(fc.array(anyOffer), fc.uniqueArray(fc.integer({ min: 1, max: 8 })), (offers, avoided) => {
        const wanted = need({ maxDph: 1 });
        const found = candidates(wanted, offers, new Set(avoided));
        const machines = found.map((one) => one.machine_id);
        const prices = found.map((one) => allInDph(one, 50));
        expect(new Set(machines).size).toBe(machines.length);
        expect(prices).toEqual(prices.toSorted((a, b) => a - b));
        expect(machines.some((machine) => avoided.includes(machine))).toBe(false);
        for (const one of found) expect(misfit(wanted, one)).toBeUndefined();
        // Nothing that fits is lost: every open machine with a fitting offer is there.
        const fitting = offers.filter((one) => misfit(wanted, one) === undefined && one.disk_space >= 50);
        const open = fitting.filter((one) => !avoided.includes(one.machine_id)).map((one) => one.machine_id);
        expect(new Set(machines)).toEqual(new Set(open));
      }),
    );
  });
});
