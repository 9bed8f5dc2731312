import { z } from "zod";
import { FAULT_KINDS } from "../world/faults.ts";
import { type AdminContext, AdminError } from "./app.ts";

const NewFault = z.strictObject({
  endpoint: z.string().min(1).default("*"),
  kind: z.enum(FAULT_KINDS),
  match: z
    .strictObject({
      instanceId: z.number().int().optional(),
      label: z.string().optional(),
      account: z.number().int().optional(),
    })
    .optional(),
  status: z.number().int().min(200).max(599).optional(),
  body: z.unknown().optional(),
  seconds: z.number().min(0).optional(),
  times: z.number().int().positive().nullable().default(1),
  probability: z.number().min(0).max(1).default(1),
});

/** Words that stand for places inside the world rather than for a route. */
const PLACES = ["*", "boot", "copy", "execute"];

export function registerFaults({ app, world, api }: AdminContext): void {
  app.post("/admin/faults", async (c) => {
    const spec = NewFault.parse(await c.req.json());
    const endpoint = api.routeFor(spec.endpoint);
    if (!PLACES.includes(spec.endpoint) && endpoint === undefined) {
      throw new AdminError(
        400,
        `endpoint '${spec.endpoint}' is neither a route ("PUT /api/v0/asks/{id}/") nor one of ${PLACES.join(", ")}`,
      );
    }
    const fault = world.faults.add({ ...spec, endpoint: endpoint ?? spec.endpoint });
    if (spec.kind === "stale-list") {
      fault.snapshot = [...world.accounts.keys()].flatMap((id) => world.listed(id)).map((contract) => contract.id);
    }
    return c.json({ id: fault.id });
  });
  app.get("/admin/faults", (c) => c.json(world.faults.list()));
  app.delete("/admin/faults/:id", (c) => {
    if (!world.faults.remove(Number(c.req.param("id")))) {
      throw new AdminError(404, `there is no fault ${c.req.param("id")}`);
    }
    return c.json({ ok: true });
  });
  app.delete("/admin/faults", (c) => {
    world.faults.clear();
    return c.json({ ok: true });
  });
}
