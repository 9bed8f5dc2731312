import { z } from "zod";
import { endpoint } from "./transport.ts";

const Item = z.object({ type: z.string(), amount: z.number(), description: z.string().nullish() });

/** What one contract or volume was charged for the days asked for, USD (vast-api.md 6.5). */
export const Charge = z.object({
  start: z.number(),
  end: z.number(),
  type: z.string(),
  /** e.g. "instance-12345678" */
  source: z.string(),
  amount: z.number(),
  metadata: z.object({ label: z.string().nullish() }).nullish(),
  items: z.array(Item).nullish(),
});
export type Charge = z.infer<typeof Charge>;

const ROWS_PER_PAGE = 500;

/** Epoch seconds of any moment of the first and the last day; whole UTC days are answered. */
export interface ChargeSpan {
  fromS: number;
  toS: number;
}

export const listCharges = endpoint({
  method: "GET",
  route: "/api/v0/charges/",
  path: ({ fromS, toS }: ChargeSpan, pageBefore: () => string | null) => {
    const filters = { day: { gte: fromS, lte: toS }, type: { in: ["instance", "volume"] } };
    const query = new URLSearchParams({
      select_filters: JSON.stringify(filters),
      latest_first: "false",
      format: "table",
      limit: String(ROWS_PER_PAGE),
    });
    const afterToken = pageBefore();
    if (afterToken !== null) query.set("after_token", afterToken);
    return `/api/v0/charges/?${query}`;
  },
  reply: z
    .object({ success: z.literal(true), next_token: z.string().nullable(), results: z.array(Charge) })
    .transform(({ results, next_token }) => ({ rows: results, nextToken: next_token })),
  resend: "when-unsure",
});
