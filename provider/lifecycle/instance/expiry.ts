import type { InstanceRow } from "../../api/instances.ts";
import type { Clock } from "../../clock.ts";
import type { InstanceInputs } from "./inputs.ts";

const HOUR_S = 3600;
type Lifetime = Pick<InstanceInputs, "expiresAt" | "maxDurationHours">;

/** Epoch seconds by the service's clock, as a row of it tells: `duration` is what is left until `end_date` (vast-api.md 3.4). */
export function serviceNowS(row: InstanceRow, clock: Clock): number {
  return typeof row.end_date === "number" && typeof row.duration === "number"
    ? row.end_date - row.duration
    : clock.nowS();
}

/** Epoch seconds after which an instance shall not run any more; undefined without a limit. */
export function expiryOf({ expiresAt, maxDurationHours }: Partial<Lifetime>, row: InstanceRow): number | undefined {
  if (expiresAt !== undefined) return Date.parse(expiresAt) / 1000;
  if (maxDurationHours === undefined || typeof row.start_date !== "number") return undefined;
  return Math.round(row.start_date + maxDurationHours * HOUR_S);
}

/** The `expiry` that has passed, as text; undefined while there is time. */
export function pastExpiry(inputs: Partial<Lifetime>, row: InstanceRow, clock: Clock): string | undefined {
  const expiry = expiryOf(inputs, row);
  // A value that a preview does not know yet is no time.
  if (expiry === undefined || Number.isNaN(expiry) || serviceNowS(row, clock) < expiry) return undefined;
  const input = inputs.expiresAt === undefined ? `maxDurationHours ${inputs.maxDurationHours}` : "expiresAt";
  return `${new Date(expiry * 1000).toISOString()} (${input})`;
}

/** A lifetime that is over before it begins; judged when there is no contract yet. */
export function expiredBeforeRental({ expiresAt }: Partial<Lifetime>, nowS: number): string | undefined {
  if (expiresAt === undefined || Date.parse(expiresAt) / 1000 > nowS) return undefined;
  return `${expiresAt} is past: what is rented now would have to be stopped at once`;
}
