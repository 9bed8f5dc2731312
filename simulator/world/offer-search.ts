import { OFFER_COLUMNS, type OfferType, type OfferView, rowOf } from "./offer-columns.ts";
import { onDemandHolder } from "./placement.ts";
import { type Column, conditionTest, QueryError, type SortKey, sortedBy, type Test } from "./query.ts";
import type { World } from "./world.ts";

const DEFAULT_ROWS = 64;
const DEFAULT_ALLOCATED_GB = 8;
/** Rows of a default order are jumbled a little in reality; here the score alone decides. */
const DEFAULT_ORDER: SortKey[] = [{ column: "score", descending: true }];

/** Keys of a search that are no filters (vast-api.md 2.2, control keys). Those without effect are undocumented. */
const CONTROL_KEYS = new Set([
  "type",
  "order",
  "limit",
  "allocated_storage",
  "disable_bundling",
  "target_reliability",
  "extra_ids",
  "sort_option",
  "template_id",
  "gpu_option",
  "show_incompatible",
  "external_option",
  "api_key",
  "client_id",
]);

const ALIASES: Readonly<Record<string, string>> = {
  reliability2: "reliability",
  dphtotal: "dph_total",
  gpu_totalram: "gpu_total_ram",
  ubuntu_version: "os_version",
  driver_version: "driver_vers",
  display_active: "gpu_display_active",
  dph: "dph_total",
  cuda_vers: "cuda_max_good",
};

const GB_ALIASES: Readonly<Record<string, string>> = {
  gpu_totalram_GB: "gpu_total_ram",
  cpu_ram_GB: "cpu_ram",
  gpu_ram_GB: "gpu_ram",
};

/** Columns that exist in filters only and stand for real ones. */
const VIRTUAL: Readonly<Record<string, Column<OfferView>>> = {
  geolocation: { type: "string", get: (view) => view.machine.countryCode },
  datacenter: { type: "boolean", get: (view) => view.machine.hostingType === 1 },
  verified: { type: "boolean", get: (view) => view.machine.verification === "verified" },
  // `id` as a filter matches nothing on the live service; ask_contract_id is the one that works.
  id: { type: "number", get: () => null },
  driver_vers: OFFER_COLUMNS.driver_vers as Column<OfferView>,
};

export interface Search {
  type: OfferType;
  allocatedGb: number;
  limit: number;
  order: SortKey[];
  tests: Test<OfferView>[];
  ignored: string[];
}

/** Reads a search body; throws QueryError for what the service refuses. */
export function parseSearch(world: World, query: Record<string, unknown>): Search {
  const allocatedGb = numberOr(query, "allocated_storage", DEFAULT_ALLOCATED_GB);
  const asked = numberOr(query, "limit", DEFAULT_ROWS);
  const search: Search = {
    type: parseType(query.type),
    allocatedGb,
    limit: Math.min(asked > 0 ? Math.floor(asked) : DEFAULT_ROWS, world.choices.searchRowCap),
    order: parseOrder(query.order),
    tests: [],
    ignored: [],
  };
  // The caller's own filters come first: most of them are cheaper to test than whether an offer is rentable.
  const filters = world.choices.searchDefaults ? { ...query, ...DEFAULT_FILTERS, ...query } : query;
  for (const [key, condition] of Object.entries(filters)) addFilter(world, search, key, condition);
  addControlFilters(search, query);
  return search;
}

const DEFAULT_FILTERS = { verified: { eq: true }, rentable: { eq: true }, rented: { eq: false } };

function addFilter(world: World, search: Search, key: string, condition: unknown): void {
  if (CONTROL_KEYS.has(key)) return;
  // vast-api.md 2.2: rented:{eq:true} shows offers on machines where the caller rents already.
  if (key === "rented" && asksForRented(condition)) {
    search.tests.push((view) => world.onMachine(view.machine.id).some((held) => held.accountId === view.accountId));
    return;
  }
  const column = columnFor(key);
  if (column) {
    search.tests.push(conditionTest(key, column, condition));
    return;
  }
  if (condition === null || typeof condition !== "object") {
    throw new QueryError(key, "Input should be a valid dictionary");
  }
  if (world.choices.rejectUnknownColumns) throw new QueryError(key, "Extra inputs are not permitted");
  search.ignored.push(key);
}

function columnFor(key: string): Column<OfferView> | undefined {
  const gb = GB_ALIASES[key];
  if (gb) {
    const column = OFFER_COLUMNS[gb] as Column<OfferView>;
    return { type: "number", get: (view) => Number(column.get(view)) / 1000 };
  }
  if (Object.hasOwn(VIRTUAL, key)) return VIRTUAL[key];
  const name = ALIASES[key] ?? key;
  return Object.hasOwn(OFFER_COLUMNS, name) ? OFFER_COLUMNS[name] : undefined;
}

function addControlFilters(search: Search, query: Record<string, unknown>): void {
  if (query.allocated_storage !== undefined) {
    const column = OFFER_COLUMNS.disk_space as Column<OfferView>;
    search.tests.push(conditionTest("allocated_storage", column, { gte: search.allocatedGb }));
  }
  if (query.target_reliability !== undefined) {
    const column = OFFER_COLUMNS.expected_reliability as Column<OfferView>;
    search.tests.push(conditionTest("target_reliability", column, { gte: query.target_reliability }));
  }
}

function asksForRented(condition: unknown): boolean {
  return condition !== null && typeof condition === "object" && "eq" in condition && String(condition.eq) === "true";
}

function parseType(type: unknown): OfferType {
  if (type === undefined || type === null || type === "on-demand" || type === "ondemand") return "on-demand";
  if (type === "bid" || type === "interruptible") return "bid";
  if (type === "reserved") return "reserved";
  throw new QueryError("type", "Input should be 'on-demand', 'ondemand', 'bid' or 'reserved'");
}

function parseOrder(order: unknown): SortKey[] {
  if (order === undefined || order === null) return DEFAULT_ORDER;
  if (!Array.isArray(order)) throw new QueryError("order", "Input should be a valid list");
  return order.map((entry: unknown) => {
    if (!Array.isArray(entry) || typeof entry[0] !== "string") {
      throw new QueryError("order", 'Input should be a list of ["column", "asc" or "desc"]');
    }
    const column = ALIASES[entry[0]] ?? entry[0];
    return { column, descending: entry[1] === "desc" };
  });
}

function numberOr(query: Record<string, unknown>, key: string, fallback: number): number {
  const value = query[key];
  if (value === undefined || value === null) return fallback;
  const number = Number(value);
  if (typeof value === "object" || Number.isNaN(number)) throw new QueryError(key, "Input should be a valid number");
  return number;
}

/** Offers that match, in order. A machine under way to nowhere (offline, all taken on demand) has none. */
export function searchOffers(world: World, search: Search, accountId: number | null): OfferView[] {
  const { now } = world;
  const found: OfferView[] = [];
  for (const machine of world.machines.values()) {
    for (const offer of machine.offers) {
      const view = { world, offer, machine, type: search.type, allocatedGb: search.allocatedGb, now, accountId };
      if (!offer.removed && search.tests.every((test) => test(view))) found.push(view);
    }
  }
  return sortedBy(found, search.order, OFFER_COLUMNS, search.limit);
}

export function offerRow(view: OfferView): Record<string, unknown> {
  return rowOf(OFFER_COLUMNS, view);
}

/** Whether an offer could be accepted on demand right now. */
export function isOpen(world: World, offerId: number): boolean {
  const offer = world.offers.get(offerId);
  if (!offer || offer.removed) return false;
  const machine = world.machineOf(offer);
  return machine.online && machine.endDate > world.now && onDemandHolder(machine, offer.gpuIndexes) === undefined;
}
