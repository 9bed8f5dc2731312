import { OFFER_SEARCH_LIMIT } from "./assumptions.ts";
import { type Offer, type OfferQuery, searchOffers } from "./offers.ts";
import type { Transport } from "./transport.ts";

/** Searches are limited to 10 a minute: the workers of a fleet share one for as long as this, seconds. */
const SEARCH_GOOD_FOR_S = 120;
/** Two minutes of searching; some 500 machines. */
const MAX_PAGES = 20;

export interface Market {
  /** Offers for a query, from a search no older than two minutes. */
  offers(query: OfferQuery): Promise<readonly Offer[]>;
  /**
   * One search shows 64 offers, of some 24 machines. Shows them to `settle`, and those of further searches without the
   * machines seen, until it returns something; `exhausted` says that no more will come. What `settle` claims nobody else
   * gets: nothing waits between the offers and the claim.
   */
  searchUntil<T>(
    query: OfferQuery,
    settle: (offers: readonly Offer[], exhausted: boolean) => T | undefined,
  ): Promise<T | undefined>;
  /** An offer that turned out to be taken is not offered again in this run. */
  taken(offerId: number): void;
  /** A machine that did not do, or was lost, in this run is not chosen again in it. */
  exclude(machineId: number): void;
  excluded(): ReadonlySet<number>;
  /** Reserves an offer and its machine for one resource of this run, so that a fleet spreads and nobody races for an offer. */
  claim(offer: Offer, owner: string): void;
  /** Reserves only the machine: for a volume, whose instance will take an offer there. */
  claimMachine(machineId: number, owner: string): void;
  release(owner: string): void;
  claimedByOthers(owner: string): { offers: ReadonlySet<number>; machines: ReadonlySet<number> };
}

/** The pages of one search, shared by all who ask the same. */
interface Search {
  atS: number;
  pages: Promise<readonly Offer[]>[];
}

export function createMarket(transport: Transport): Market {
  const searches = new Map<string, Search>();
  const gone = new Set<number>();
  const excluded = new Set<number>();
  const claims = new Map<string, { offerId?: number; machineId: number }>();
  const stillThere = (offers: readonly Offer[]) => offers.filter((offer) => !gone.has(offer.id));

  function searchOf(query: OfferQuery): Search {
    const key = JSON.stringify(query);
    const nowS = transport.clock.elapsedS();
    const known = searches.get(key);
    if (known && nowS - known.atS <= SEARCH_GOOD_FOR_S) return known;
    const search: Search = { atS: nowS, pages: [] };
    searches.set(key, search);
    return search;
  }

  /** A page that is there or under way is shared, one that failed is asked for again. */
  function page(search: Search, number: number, query: () => OfferQuery): Promise<readonly Offer[]> {
    const known = search.pages[number];
    if (known) return known;
    const result = transport.call(searchOffers, query());
    search.pages[number] = result;
    result.catch(() => {
      search.pages.length = number;
    });
    return result;
  }

  return {
    offers: async (query) => stillThere(await page(searchOf(query), 0, () => query)),
    searchUntil: async (query, settle) => {
      const search = searchOf(query);
      const offers: Offer[] = [];
      for (let number = 0; ; number += 1) {
        const seen = new Set(offers.map((offer) => offer.machine_id));
        const found = await page(search, number, () => (number === 0 ? query : without(query, seen)));
        offers.push(...found);
        const exhausted = isLast(query, found, seen) || number + 1 >= MAX_PAGES;
        const settled = settle(stillThere(offers), exhausted);
        if (settled !== undefined || exhausted) return settled;
      }
    },
    taken: (offerId) => void gone.add(offerId),
    exclude: (machineId) => void excluded.add(machineId),
    excluded: () => excluded,
    claim: (offer, owner) => void claims.set(owner, { offerId: offer.id, machineId: offer.machine_id }),
    claimMachine: (machineId, owner) => void claims.set(owner, { machineId }),
    release: (owner) => void claims.delete(owner),
    claimedByOthers: (owner) => {
      const others = [...claims].filter(([holder]) => holder !== owner).map(([, claim]) => claim);
      return {
        offers: new Set(others.flatMap(({ offerId }) => offerId ?? [])),
        machines: new Set(others.map(({ machineId }) => machineId)),
      };
    },
  };
}

function without(query: OfferQuery, machines: ReadonlySet<number>): OfferQuery {
  const { machine_id, ...filters } = query.filters;
  const notin = [...(machine_id?.notin ?? []), ...machines];
  return { ...query, filters: { ...filters, machine_id: { ...machine_id, notin } } };
}

/** A short page is the last one; one without any new machine shows that the service leaves none out. */
function isLast(query: OfferQuery, page: readonly Offer[], seen: ReadonlySet<number>): boolean {
  if (query.filters.machine_id?.eq !== undefined || page.length < OFFER_SEARCH_LIMIT) return true;
  return page.every((offer) => seen.has(offer.machine_id));
}
