import { z } from "zod";
import { bringHostOnline, takeHostOffline } from "../world/hosts.ts";
import { crash, preempt } from "../world/lifecycle.ts";
import { askIncrease } from "../world/price-increases.ts";
import type { Contract, Machine } from "../world/types.ts";
import { applyRule, WORKLOAD_MODELS } from "../world/workloads.ts";
import type { World } from "../world/world.ts";
import { type AdminContext, AdminError } from "./app.ts";

const Write = z.strictObject({
  path: z.string().startsWith("/"),
  /** How many seeded bytes, or the text itself. */
  bytes: z
    .number()
    .int()
    .min(0)
    .max(2 ** 30)
    .optional(),
  text: z.string().optional(),
  mtime: z.number().optional(),
});

const Price = z.strictObject({
  dphPerGpu: z.number().positive().optional(),
  minBidPerGpu: z.number().positive().optional(),
  factor: z.number().positive().optional(),
});

const Increase = z.strictObject({
  factor: z.number().positive().default(1.2),
  extensionSeconds: z
    .number()
    .positive()
    .default(30 * 86_400),
});

const Workload = z.strictObject({
  match: z
    .strictObject({
      label: z.string().optional(),
      image: z.string().optional(),
      env: z.record(z.string(), z.string()).optional(),
    })
    .default({}),
  model: z.enum(WORKLOAD_MODELS),
  checkpointEverySeconds: z.number().positive().default(300),
  checkpointBytes: z.number().int().positive().default(262_144),
  dir: z.string().startsWith("/").default("/workspace/checkpoints"),
  keep: z.number().int().positive().nullable().default(null),
});

const Clock = z.union([
  z.strictObject({ speed: z.number().positive() }),
  z.strictObject({ step: z.number().min(0) }),
  z.strictObject({ jump: z.literal(true) }),
  z.strictObject({ wait: z.number().min(0) }),
  z.strictObject({ pause: z.literal(true) }),
  z.strictObject({ resume: z.literal(true) }),
]);

export function registerActions({ app, world }: AdminContext): void {
  app.post("/admin/instances/:id/preempt", (c) => {
    const contract = live(world, c.req.param("id"));
    if (contract.cur !== "running") throw new AdminError(409, `instance ${contract.id} does not run`);
    preempt(world, contract);
    return c.json({ ok: true });
  });
  app.post("/admin/instances/:id/crash", (c) => {
    const contract = live(world, c.req.param("id"));
    if (contract.actual !== "running") throw new AdminError(409, `instance ${contract.id} does not run`);
    crash(world, contract);
    return c.json({ ok: true });
  });
  app.post("/admin/instances/:id/gpu-fault", async (c) => {
    const contract = live(world, c.req.param("id"));
    const { kind } = z.strictObject({ kind: z.enum(["lost", "driver"]).nullable() }).parse(await c.req.json());
    contract.gpuFault = kind;
    return c.json({ ok: true });
  });
  app.post("/admin/instances/:id/write", async (c) => {
    const contract = live(world, c.req.param("id"));
    const { path, bytes, text, mtime } = Write.parse(await c.req.json());
    const content = text ?? world.random.once(`write ${contract.id} ${path} ${world.now}`).bytes(bytes ?? 0);
    world.disks.write(contract, path, content, mtime ?? world.now);
    return c.json({ ok: true, file: world.disks.resolve(contract, path) });
  });
  app.post("/admin/instances/:id/price-increase", async (c) => {
    const contract = live(world, c.req.param("id"));
    const { factor, extensionSeconds } = Increase.parse(await c.req.json());
    return c.json({ id: askIncrease(world, contract, factor, extensionSeconds).id });
  });
  app.post("/admin/machines/:id/offline", (c) => {
    takeHostOffline(world, machineById(world, c.req.param("id")));
    return c.json({ ok: true });
  });
  app.post("/admin/machines/:id/online", (c) => {
    bringHostOnline(world, machineById(world, c.req.param("id")));
    return c.json({ ok: true });
  });
  app.post("/admin/machines/:id/price", async (c) => {
    const machine = machineById(world, c.req.param("id"));
    const { dphPerGpu, minBidPerGpu, factor } = Price.parse(await c.req.json());
    machine.dphPerGpu = dphPerGpu ?? machine.dphPerGpu * (factor ?? 1);
    machine.minBidPerGpu = minBidPerGpu ?? machine.minBidPerGpu * (factor ?? 1);
    return c.json({ dphPerGpu: machine.dphPerGpu, minBidPerGpu: machine.minBidPerGpu });
  });
  app.post("/admin/offers/:id/remove", (c) => {
    const offer = world.offers.get(Number(c.req.param("id")));
    if (!offer) throw new AdminError(404, `there is no offer ${c.req.param("id")}`);
    offer.removed = true;
    return c.json({ ok: true });
  });
  app.post("/admin/workloads", async (c) => {
    const rule = { ...Workload.parse(await c.req.json()), id: world.nextNumber("workload") };
    applyRule(world, rule);
    return c.json({ id: rule.id });
  });
  app.get("/admin/workloads", (c) => c.json(world.workloadRules));
  app.post("/admin/clock", async (c) => {
    const text = await c.req.text();
    await moveClock(world, Clock.parse(text === "" ? {} : JSON.parse(text)));
    return c.json(world.clockStatus());
  });
  app.get("/admin/clock", (c) => c.json(world.clockStatus()));
}

async function moveClock(world: World, order: z.infer<typeof Clock>): Promise<void> {
  if ("wait" in order) await world.sleepers.sleep(order.wait);
  else if ("speed" in order) world.clock.setSpeed(order.speed);
  else if ("step" in order) await world.clock.step(order.step);
  else if ("jump" in order) await world.clock.jump();
  else if ("pause" in order) world.clock.pause();
  else world.clock.resume();
}

function live(world: World, id: string): Contract {
  const contract = world.contracts.get(Number(id));
  if (!contract || contract.destroyedAt !== null) throw new AdminError(404, `there is no instance ${id}`);
  return contract;
}

function machineById(world: World, id: string): Machine {
  const machine = world.machines.get(Number(id));
  if (!machine) throw new AdminError(404, `there is no machine ${id}`);
  return machine;
}
