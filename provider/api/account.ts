import { z } from "zod";
import { endpoint } from "./transport.ts";

/** vast-api.md 6.1. `credit` is the spendable money, USD. */
export const Account = z.object({ id: z.number().int(), email: z.string().nullish(), credit: z.number().nullish() });
export type Account = z.infer<typeof Account>;

export const currentUser = endpoint({
  method: "GET",
  route: "/api/v0/users/current/",
  path: () => "/api/v0/users/current/",
  reply: Account,
  resend: "when-unsure",
});
