import { expect, test } from "vitest";
import { narrowing, widestQuery } from "../../../provider/fleet/narrow.ts";
import type { Need, OfferCriteria } from "../../../provider/fleet/place.ts";
import { offer } from "../../support/rows.ts";

function need(criteria: Partial<OfferCriteria> = {}, rest: Partial<Need> = {}): Need {
  const least = { gpu: ["RTX 4090"], count: 1, verified: true, minReliability: 0.95, minDirectPorts: 1 };
  const none = { excludeMachines: [], excludeHosts: [], order: "price" as const };
  return { criteria: { ...least, ...none, ...criteria }, diskGb: 50, ...rest };
}

const good = {
  verification: "verified",
  reliability2: 0.99,
  direct_port_count: 10,
  disk_space: 500,
  duration: 720_000,
};
const offers = [
  offer({ ...good, machine_id: 1, dph_base: 0.5, storage_cost: 0, geolocation: "Sweden, SE", cuda_max_good: 12.8 }),
  offer({ ...good, machine_id: 2, dph_base: 0.3, storage_cost: 0, geolocation: "Sweden, SE", disk_space: 60 }),
  offer({ ...good, machine_id: 3, dph_base: 0.1, storage_cost: 0, verification: "unverified" }),
];

test.each([
  [
    "a price that no verified host asks",
    need({ maxDph: 0.2 }),
    "of 3 offers of 1x RTX 4090, 2 on verified hosts, none at $0.200/h or less (the least is $0.300/h all-in)",
  ],
  [
    "a disk that nobody has, before the price",
    need({ maxDph: 0.2 }, { diskGb: 600 }),
    "of 3 offers of 1x RTX 4090, 2 on verified hosts, none with 600 GB of disk (the most is 500 GB)",
  ],
  [
    "a disk that only a dear machine has",
    need({ maxDph: 0.4 }, { diskGb: 100 }),
    "of 3 offers of 1x RTX 4090, 2 on verified hosts, 1 with 100 GB of disk, none at $0.400/h or less (the least is $0.500/h all-in)",
  ],
  ["a country", need({ countries: ["NO"] }), "of 3 offers of 1x RTX 4090, 2 on verified hosts, none in NO"],
  [
    "a reliability",
    need({ minReliability: 0.995, verified: false }),
    "of 3 offers of 1x RTX 4090, none with a reliability of 0.995 (the most is 0.990)",
  ],
  [
    "a bid",
    need({}, { bid: 0.01 }),
    "of 3 offers of 1x RTX 4090, 2 on verified hosts, none that a bid of $0.010/h wins (the least is $0.100/h)",
  ],
  [
    "machines that are excluded",
    need({ excludeMachines: [1, 2] }),
    "of 3 offers of 1x RTX 4090, 2 on verified hosts, none that is not excluded",
  ],
  [
    "a speed that offers do not show",
    need({ minInetDown: 9000 }),
    "of 3 offers of 1x RTX 4090, 2 on verified hosts, none with the disk or network speed asked for",
  ],
])("what leaves no machine is named, and what would do: %s", (_, wanted, sentence) => {
  const bidding = offers.map((each) => ({ ...each, min_bid: 0.1 }));
  expect(narrowing(wanted, bidding, undefined)).toBe(sentence);
});

test("a volume that no machine has room for is a criterion too", () => {
  const rooms = offers.map((each) => ({ ...each, avail_vol_ask_id: 5, avail_vol_size: 80 }));
  expect(narrowing(need(), rooms, 100)).toContain("none with room for a volume of 100 GB (the most is 80 GB)");
  expect(narrowing(need(), offers, 100)).toContain("(the most is 0 GB)");
});

test("GPUs that nobody offers, and offers that all do, are said as well", () => {
  expect(narrowing(need(), [], undefined)).toBe("nobody offers 1x RTX 4090");
  expect(narrowing(need(), offers.slice(0, 1), undefined)).toBe(
    "of 1 offer of 1x RTX 4090, all taken by other workers",
  );
});

test("the search behind it asks for nothing but the GPUs", () => {
  expect(widestQuery(need({ maxDph: 0.1 }, { bid: 1, diskGb: 900 }))).toEqual({
    filters: { rentable: { eq: true }, rented: { eq: false }, num_gpus: { eq: 1 }, gpu_name: { in: ["RTX 4090"] } },
    type: "bid",
    order: [["dph_total", "asc"]],
    allocatedStorageGb: 8,
  });
});
