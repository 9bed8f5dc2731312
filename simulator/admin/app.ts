import { timingSafeEqual } from "node:crypto";
import { Hono } from "hono";
import { z } from "zod";
import type { Api } from "../http/api.ts";
import type { World } from "../world/world.ts";
import { registerAccounts } from "./accounts.ts";
import { registerActions } from "./actions.ts";
import { registerFaults } from "./faults.ts";
import { registerPage } from "./page/route.ts";
import { registerViews } from "./views.ts";

export interface AdminContext {
  app: Hono;
  world: World;
  api: Api;
}

/** An error for the person who drives the simulator: becomes a 4xx with its text. */
export class AdminError extends Error {
  readonly status: 400 | 404 | 409;

  constructor(status: 400 | 404 | 409, message: string) {
    super(message);
    this.status = status;
  }
}

/** The admin side: never reachable with a renter's key, never part of what clients see. */
export function adminApp(world: World, api: Api, token: string): Hono {
  const app = new Hono({ strict: false });
  app.use("/admin/*", async (context, next) => {
    const given = /^Bearer\s+(\S+)$/i.exec(context.req.header("authorization") ?? "")?.[1] ?? "";
    if (!sameText(given, token)) return context.json({ error: "wrong or missing admin token" }, 401);
    world.clock.catchUp();
    await next();
  });
  const context: AdminContext = { app, world, api };
  registerViews(context);
  registerAccounts(context);
  registerFaults(context);
  registerActions(context);
  registerPage(context);
  app.onError((error, c) => {
    if (error instanceof AdminError) return c.json({ error: error.message }, error.status);
    if (error instanceof z.ZodError) {
      const [issue] = error.issues;
      return c.json({ error: `${issue?.path.join(".") || "body"}: ${issue?.message}` }, 400);
    }
    if (error instanceof SyntaxError || error instanceof RangeError) return c.json({ error: error.message }, 400);
    world.log.error({ err: error }, "an admin request failed");
    return c.json({ error: error.message }, 500);
  });
  app.notFound((c) => c.json({ error: `there is no admin route ${c.req.method} ${c.req.path}` }, 404));
  return app;
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
