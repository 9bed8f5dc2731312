import { z } from "zod";
import { addAccount, DuplicateKeyError } from "../world/accounts.ts";
import { watchCredit } from "../world/credit.ts";
import type { Account } from "../world/types.ts";
import type { World } from "../world/world.ts";
import { type AdminContext, AdminError } from "./app.ts";

const NewAccount = z.strictObject({
  apiKey: z.string().min(1),
  credit: z.number().default(100),
  email: z.string().optional(),
});

const NewConnection = z.strictObject({
  account: z.number().int().optional(),
  name: z.string().min(1),
  cloud_type: z.enum(["s3", "drive", "b2", "dropbox", "hf"]).default("s3"),
  endpoint: z.url(),
  region: z.string().default("us-east-1"),
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  forcePathStyle: z.boolean().default(true),
});

const Standing = z
  .strictObject({
    emailVerified: z.boolean(),
    team: z.string().min(1).nullable(),
    hostOnly: z.boolean(),
    blacklisted: z.boolean(),
    session: z.enum(["good", "second factor missing", "expired"]),
  })
  .partial();

export function registerAccounts({ app, world }: AdminContext): void {
  app.post("/admin/accounts", async (c) => {
    const { apiKey, credit, email } = NewAccount.parse(await c.req.json());
    try {
      const account = addAccount(world, { apiKey, creditUsd: credit, ...(email ? { email } : {}) });
      return c.json({ id: account.id });
    } catch (error) {
      if (error instanceof DuplicateKeyError) throw new AdminError(409, error.message);
      throw error;
    }
  });
  app.post("/admin/accounts/:id/standing", async (c) => {
    const account = accountById(world, c.req.param("id"));
    Object.assign(account.standing, Standing.parse(await c.req.json()));
    return c.json(account.standing);
  });
  app.post("/admin/accounts/:id/credit", async (c) => {
    const account = accountById(world, c.req.param("id"));
    const { usd } = z.strictObject({ usd: z.number() }).parse(await c.req.json());
    world.ledger.pay(world.now, account.id, "credit", usd, "simulated top-up");
    watchCredit(world, account.id);
    return c.json({ credit: world.ledger.credit(account.id, world.now) });
  });
  app.post("/admin/connections", async (c) => {
    const body = NewConnection.parse(await c.req.json());
    const accountId = body.account ?? world.accounts.keys().next().value;
    if (accountId === undefined || !world.accounts.has(accountId)) {
      throw new AdminError(404, `there is no account ${accountId}`);
    }
    const id = world.nextNumber("connection");
    const { account: _, cloud_type: cloudType, ...rest } = body;
    world.connections.set(id, { id, accountId, cloudType, ...rest });
    return c.json({ id, name: body.name });
  });
  app.delete("/admin/connections/:id", (c) => {
    if (!world.connections.delete(Number(c.req.param("id")))) {
      throw new AdminError(404, `there is no connection ${c.req.param("id")}`);
    }
    return c.json({ ok: true });
  });
}

function accountById(world: World, id: string): Account {
  const account = world.accounts.get(Number(id));
  if (!account) throw new AdminError(404, `there is no account ${id}`);
  return account;
}
