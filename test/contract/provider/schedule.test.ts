import { afterAll, beforeAll, expect, test } from "vitest";
import { listJobs } from "../../../provider/api/jobs.ts";
import type { Binding } from "../../../provider/copy-out/inputs.ts";
import { deleteInstance } from "../../../provider/lifecycle/instance/delete.ts";
import { updateInstance } from "../../../provider/lifecycle/instance/update.ts";
import {
  checked,
  create,
  type Inputs,
  type Storage,
  startStorage,
  startWorld,
  type VastWorld,
  worker,
} from "../../support/vast-world.ts";

const OUT = "/workspace/out";
const JOBS = "/api/v0/commands/schedule_job/";
let storage: Storage;
beforeAll(async () => {
  storage = await startStorage();
});
afterAll(() => storage.stop());

const scheduled = (target: Binding, different: Inputs = {}) =>
  worker({ copyOut: { target, paths: [OUT], ...different } });
const jobs = (world: VastWorld) => world.context().transport.call(listJobs);

test("a schedule is the service's own job, whose backups the gate need not copy again", async () => {
  await using world = await startWorld({ speed: 2000 });
  const target = await storage.connect(world);
  const held = await create(world.context(), scheduled(target, { schedule: "hourly" }));
  await world.write(Number(held.id), `${OUT}/model.pt`, "weights", 1_700_000_000);
  expect(await jobs(world)).toMatchObject([{ instance_id: Number(held.id), api_endpoint: "/api/v0/commands/rclone/" }]);
  const arrived = async () => (await storage.keys(target.bucket)).includes(`runs/${held.id}${OUT}/model.pt`);
  while (!(await arrived())) await world.admin("POST", "/clock", { step: 600 });
  await world.forgetRequests();
  await deleteInstance(world.context(), held.id, held.state);
  expect(await world.requests("POST /api/v0/commands/rclone/")).toEqual([]);
  expect(await jobs(world)).toEqual([]);
  expect(await world.instances()).toEqual([]);
});

test("a schedule is changed and removed in place", async () => {
  await using world = await startWorld();
  const target = await storage.connect(world);
  const held = await create(world.context(), scheduled(target, { schedule: { daily: 3 } }));
  const weekly = checked(scheduled(target, { schedule: { weekly: { day: "monday", hour: 4 } } }));
  const { outs } = await updateInstance(world.context(), held.id, held.state, weekly);
  const job = { instance_id: Number(held.id), frequency: "WEEKLY", day_of_the_week: 1, hour_of_the_day: 4 };
  expect(await jobs(world)).toMatchObject([job]);
  expect(await world.requests(`PUT ${JOBS}{id}/`)).toHaveLength(1);
  await updateInstance(world.context(), held.id, outs, checked(scheduled(target)));
  expect(await jobs(world)).toEqual([]);
});

test("an instance without a schedule has its target's, and `never` keeps it from that", async () => {
  await using world = await startWorld();
  const target: Binding = { ...(await storage.connect(world)), schedule: "hourly" };
  await create(world.context(), worker({ copyOut: { target, paths: [OUT] } }, "one"));
  await create(world.context(), worker({ copyOut: { target, paths: [OUT], schedule: "never" } }, "two"));
  expect(await jobs(world)).toHaveLength(1);
});

test("a job that cannot be removed keeps no instance from its destroy, and is named", async () => {
  await using world = await startWorld();
  const target = await storage.connect(world);
  const held = await create(world.context(), scheduled(target, { schedule: "hourly" }));
  const body = { success: false, error: "invalid_args", msg: "no" };
  await world.fault({ endpoint: `DELETE ${JOBS}{id}/`, kind: "status", status: 400, body, times: null });
  await deleteInstance(world.context(), held.id, held.state);
  expect(await world.instances()).toEqual([]);
  expect(world.logs.join("\n")).toMatch(
    /WARNING: trainer-0: the scheduled backup of contract \d+ could not be removed/,
  );
});

test("a refusal to make the job leaves the contract in the state, unfinished", async () => {
  await using world = await startWorld();
  const target = await storage.connect(world);
  const body = { success: false, error: "invalid_args", msg: "no jobs today" };
  await world.fault({ endpoint: `POST ${JOBS}`, kind: "status", status: 400, body });
  await expect(create(world.context(), scheduled(target, { schedule: "hourly" }))).rejects.toThrow(
    /kept in the state.*no jobs today/,
  );
  expect(await world.instances()).toHaveLength(1);
});
