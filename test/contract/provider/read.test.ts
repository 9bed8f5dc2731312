import { describe, expect, test } from "vitest";
import { listInstances, setBid, setLabel, setState } from "../../../provider/api/instances.ts";
import { deleteInstance } from "../../../provider/lifecycle/instance/delete.ts";
import { diffInstance } from "../../../provider/lifecycle/instance/diff.ts";
import { readInstance } from "../../../provider/lifecycle/instance/read.ts";
import { checked, create, startWorld, worker } from "../../support/vast-world.ts";

const LIST = "GET /api/v1/instances/";
const SHOW = "GET /api/v0/instances/{id}/";

describe("refresh", () => {
  test("of a living instance shows no change", async () => {
    await using world = await startWorld();
    const { id, state } = await create(world.context());
    const read = await readInstance(world.context(), id, state);
    expect(read.id).toBe(id);
    expect(read.inputs).toEqual(checked(worker()));
    expect(await diffInstance(world.context(), id, read.props ?? {}, checked(worker()))).toMatchObject({
      changes: false,
    });
  });

  test("of many instances costs one sweep of the list, not one call each", async () => {
    await using world = await startWorld();
    const context = world.context();
    const held = [];
    for (const name of ["a", "b", "c"]) held.push(await create(context, worker({}, name)));
    await world.forgetRequests();
    const refresh = world.context();
    await Promise.all(held.map(({ id, state }) => readInstance(refresh, id, state)));
    expect((await world.requests(LIST)).length).toBe(1);
    expect(await world.requests(SHOW)).toEqual([]);
  });

  test("shows what was changed behind our back: label, stop, price", async () => {
    await using world = await startWorld();
    const { id, state } = await create(world.context(), worker({ bid: 1.5 }));
    const { transport } = world.context();
    await transport.call(setBid, Number(id), 2);
    await transport.call(setLabel, Number(id), "renamed");
    await transport.call(setState, Number(id), "stopped");
    await world.until(Number(id), ({ actual }) => actual === "exited");
    const { props, inputs } = await readInstance(world.context(), id, state);
    expect(inputs).toMatchObject({ label: "renamed", state: "stopped", bid: 2 });
    expect(props).toMatchObject({ status: "exited", portMap: {} });
  });

  test("drops an instance that is gone: absent from the list, and the single read agrees", async () => {
    await using world = await startWorld();
    const { id, state } = await create(world.context());
    const other = world.context();
    await other.destroyer.destroy(Number(id));
    expect(await readInstance(world.context(), id, state)).toEqual({});
    expect(world.logs.at(-1)).toContain(`contract ${id} is gone`);
  });

  test("drops one that the service says is not found, with a not-found code", async () => {
    await using world = await startWorld();
    const { id, state } = await create(world.context());
    await world.context().destroyer.destroy(Number(id));
    const body = { success: false, error: "no_such_instance", msg: `Instance ${id} not found.` };
    await world.fault({ endpoint: SHOW, kind: "status", status: 404, body });
    expect(await readInstance(world.context(), id, state)).toEqual({});
  });
});

describe("a living instance is never taken for gone", () => {
  const page = "<html><body>Service maintenance</body></html>";
  test.for<[string, Parameters<Awaited<ReturnType<typeof startWorld>>["fault"]>[0], RegExp]>([
    [
      "a list that was withdrawn",
      { kind: "status", status: 410, body: { success: false, error: "deprecated_endpoint", msg: "Use /api/v2/" } },
      /Use \/api\/v2/,
    ],
    ["an empty body", { kind: "status", status: 200, body: "" }, /another shape/],
    [
      "rows of another type",
      { kind: "wrong-shape", body: { success: true, total_instances: 0, next_token: null, instances: "" } },
      /another shape/,
    ],
    ["an empty object", { kind: "wrong-shape", body: {} }, /another shape/],
    ["a page of HTML", { kind: "html", status: 200, body: page }, /another shape/],
    ["HTML refusals from the edge", { kind: "html" }, /throttling/],
    ["a list that breaks off", { kind: "truncate" }, /connection .* broke/],
    [
      "rows that are counted but missing",
      { kind: "wrong-shape", body: { success: true, total_instances: 1, next_token: null, instances: [] } },
      /incomplete: 0 of 1/,
    ],
    [
      "a wrong key",
      { kind: "status", status: 404, body: { success: false, error: "auth_error", msg: "Invalid user key" } },
      /refused the API key/,
    ],
    ["a plain 404", { kind: "status", status: 404, body: "Not Found" }, /another shape/],
    ["the service's own failures", { kind: "status", status: 500 }, /Internal server error/],
  ])("because of %s", async ([, fault, message]) => {
    await using world = await startWorld({ speed: 2000 });
    const { id, state } = await create(world.context());
    await world.fault({ endpoint: LIST, times: null, ...fault });
    await expect(readInstance(world.context(), id, state)).rejects.toThrow(message);
    await expect(deleteInstance(world.context(), id, state)).rejects.toThrow(message);
    await expect(diffInstance(world.context(), id, state, checked(worker()))).rejects.toThrow(message);
    expect(await world.instances()).toHaveLength(1);
  });

  test("because it is missing from the list, while the single read still shows it", async () => {
    await using world = await startWorld();
    const { id, state } = await create(world.context());
    const body = { success: true, total_instances: 0, next_token: null, instances: [] };
    await world.fault({ endpoint: LIST, kind: "wrong-shape", body, times: null });
    expect((await readInstance(world.context(), id, state)).id).toBe(id);
  });

  test("because the single read says nothing, while it is listed", async () => {
    await using world = await startWorld();
    const { id, state } = await create(world.context());
    await world.fault({ endpoint: SHOW, kind: "null-instance", times: null });
    expect((await readInstance(world.context(), id, state)).id).toBe(id);
  });

  test("because list and single read miss it at the same moment", async () => {
    await using world = await startWorld();
    const { id, state } = await create(world.context());
    await world.fault({ endpoint: LIST, kind: "omit-from-list", times: 3 });
    await world.fault({ endpoint: SHOW, kind: "null-instance" });
    expect((await readInstance(world.context(), id, state)).id).toBe(id);
  });

  test("because the single read fails, when the list has it not", async () => {
    await using world = await startWorld();
    const { id, state } = await create(world.context());
    const body = { success: true, total_instances: 0, next_token: null, instances: [] };
    await world.fault({ endpoint: LIST, kind: "wrong-shape", body, times: null });
    const refused = { success: false, error: "auth_error", msg: "Invalid user key" };
    await world.fault({ endpoint: SHOW, kind: "status", status: 404, body: refused });
    await expect(readInstance(world.context(), id, state)).rejects.toMatchObject({ code: "auth" });
  });

  test("because its host is offline", async () => {
    await using world = await startWorld();
    const { id, state } = await create(world.context());
    await world.admin("POST", `/machines/${state.machineId}/offline`);
    await world.until(Number(id), ({ actual }) => actual === "offline");
    const { props } = await readInstance(world.context(), id, state);
    expect(props).toMatchObject({ status: "offline", contractId: Number(id) });
  });

  test("because page two is missing", async () => {
    await using world = await startWorld({ offers: 2000, speed: 400 });
    const context = world.context();
    const offer = { gpu: ["RTX 4090", "RTX 3090", "RTX 5090"], verified: false, minReliability: 0 };
    const held = await Promise.all(
      Array.from({ length: 27 }, (_, n) => create(context, worker({ offer, waitFor: "created" }, `w-${n}`))),
    );
    const youngest = held.toSorted((a, b) => Number(b.id) - Number(a.id))[0];
    if (!youngest) throw new Error("nothing was created");
    const pageOne = await context.transport.call(listInstances, () => null);
    const body = { success: true, total_instances: pageOne.total, next_token: null, instances: pageOne.rows };
    await world.fault({ endpoint: LIST, kind: "wrong-shape", body, times: null });
    await expect(readInstance(world.context(), youngest.id, youngest.state)).rejects.toThrow(/incomplete: 25 of 27/);
  });
});

describe("the wrong account or endpoint", () => {
  test("is an error for every operation, also when the other key is valid and its account empty; nothing is dropped", async () => {
    await using world = await startWorld();
    const { id, state } = await create(world.context());
    await world.admin("POST", "/accounts", { apiKey: "another-key" });
    const other = world.context({ apiKey: "another-key", source: { endpoint: "vast:apiUrl", apiKey: "VAST_API_KEY" } });
    const message = /belongs to Vast\.ai account \d+, but the key in VAST_API_KEY is of account \d+; its state is kept/;
    await expect(readInstance(other, id, state)).rejects.toThrow(message);
    await expect(diffInstance(other, id, state, checked(worker()))).rejects.toThrow(message);
    await expect(deleteInstance(other, id, state)).rejects.toThrow(message);
    expect(await world.instances()).toHaveLength(1);
  });

  test("as a stray endpoint is named with where it came from", async () => {
    await using world = await startWorld();
    await using elsewhere = await startWorld();
    const { id, state } = await create(world.context());
    const stray = elsewhere.context({ source: { endpoint: "VAST_URL", apiKey: "vast:apiKey" } });
    await expect(readInstance(stray, id, state)).rejects.toThrow(
      `lives at ${world.url}, but VAST_URL says ${elsewhere.url}`,
    );
    await expect(deleteInstance(stray, id, state)).rejects.toThrow(/its state is kept as it is/);
  });
});
