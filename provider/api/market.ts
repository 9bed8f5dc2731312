import { type Offer, type OfferQuery, searchOffers } from "./offers.ts";
import type { Transport } from "./transport.ts";

/** Searches are limited to 10 a minute: the workers of a fleet share one for as long as this, seconds. */
const SEARCH_GOOD_FOR_S = 120;

export interface Market {
  /** Offers for a query, from a search no older than two minutes. */
  offers(query: OfferQuery): Promise<readonly Offer[]>;
  /** An offer that turned out to be taken is not offered again in this run. */
  taken(offerId: number): void;
  /** Reserves an offer and its machine for one resource of this run, so that a fleet spreads and nobody races for an offer. */
  claim(offer: Offer, owner: string): void;
  /** Reserves only the machine: for a volume, whose instance will take an offer there. */
  claimMachine(machineId: number, owner: string): void;
  release(owner: string): void;
  claimedByOthers(owner: string): { offers: ReadonlySet<number>; machines: ReadonlySet<number> };
}

export function createMarket(transport: Transport): Market {
  const searches = new Map<string, { atS: number; result: Promise<readonly Offer[]> }>();
  const gone = new Set<number>();
  const claims = new Map<string, { offerId?: number; machineId: number }>();
  return {
    offers: async (query) => {
      const key = JSON.stringify(query);
      const nowS = transport.clock.elapsedS();
      let search = searches.get(key);
      if (!search || nowS - search.atS > SEARCH_GOOD_FOR_S) {
        search = { atS: nowS, result: transport.call(searchOffers, query) };
        searches.set(key, search);
        search.result.catch(() => searches.delete(key));
      }
      return (await search.result).filter((offer) => !gone.has(offer.id));
    },
    taken: (offerId) => void gone.add(offerId),
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
