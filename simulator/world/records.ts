import type { Scheduled } from "./event-queue.ts";

export type Frequency = "HOURLY" | "DAILY" | "WEEKLY";

/** A request the service makes on the account's behalf again and again (vast-api.md 5.4). */
export interface ScheduledJob {
  id: number;
  accountId: number;
  instanceId: number;
  apiEndpoint: string;
  requestMethod: "POST" | "PUT" | "DELETE";
  requestBody: Record<string, unknown>;
  startTime: number;
  endTime: number;
  /** 0 is Sunday; UTC. */
  dayOfTheWeek: number | null;
  hourOfTheDay: number | null;
  minOfTheHour: number;
  frequency: Frequency;
  next: Scheduled | undefined;
}

/** A host's wish for more money after the contract's end (vast-api.md 3.5, price rise). */
export interface PriceIncrease {
  id: number;
  contractId: number;
  accountId: number;
  newDphBase: number;
  oldDphBase: number;
  askEndDate: number;
  createdAt: number;
}

export interface AuditRecord {
  at: number;
  accountId: number;
  keyId: number;
  ip: string;
  route: string;
  args: Record<string, unknown>;
}
