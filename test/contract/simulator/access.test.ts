import { expect, test } from "vitest";
import { CurrentUser } from "./schemas.ts";
import { bench, KEY } from "./support.ts";

const PRIVATE: readonly [method: string, path: string][] = [
  ["GET", "/api/v0/users/current/"],
  ["GET", "/api/v1/instances/"],
  ["GET", "/api/v0/instances/1/"],
  ["PUT", "/api/v0/asks/1/"],
  ["PUT", "/api/v0/instances/1/"],
  ["DELETE", "/api/v0/instances/1/"],
  ["DELETE", "/api/v0/instances/"],
  ["GET", "/api/v0/volumes/"],
  ["POST", "/api/v0/commands/rclone/"],
  ["GET", "/api/v0/users/cloud_integrations/"],
];

test.each(PRIVATE)("%s %s refuses no key with 403 and a stranger's key with 404 auth_error", async (method, path) => {
  await using vast = await bench();
  const none = await vast.call(method, path, undefined, null);
  expect(none).toMatchObject({ status: 403, body: { error: "auth_error", msg: "This action requires login." } });
  const wrong = await vast.call(method, path, undefined, "somebody-else");
  expect(wrong).toMatchObject({ status: 404, body: { success: false, error: "auth_error", msg: "Invalid user key" } });
});

test("searching needs no key, but a wrong one is refused", async () => {
  await using vast = await bench();
  expect((await vast.call("POST", "/api/v0/bundles/", {}, null)).status).toBe(200);
  expect((await vast.call("GET", "/api/v0/gpu_names/unique/", undefined, null)).body.gpu_names).toContain("RTX 4090");
  expect((await vast.call("GET", "/api/v0/gpu_types/", undefined, null)).body.gpu_types).toContain("RTX 4090");
  expect((await vast.call("POST", "/api/v0/bundles/", {}, "somebody-else")).status).toBe(404);
});

test("a key in the query or in X-API-Key is as good as the header", async () => {
  await using vast = await bench();
  const byQuery = await vast.call("GET", `/api/v0/users/current/?api_key=${KEY}`, undefined, null);
  expect(byQuery.status).toBe(200);
  const byHeader = await fetch(`${vast.simulator.url}/api/v0/users/current/`, { headers: { "X-API-Key": KEY } });
  expect(byHeader.status).toBe(200);
});

test("paths answer with and without the trailing slash", async () => {
  await using vast = await bench();
  for (const path of [
    "/api/v0/users/current",
    "/api/v0/users/current/",
    "/api/v0/volumes?owner=me",
    "/api/v1/instances",
  ]) {
    expect((await vast.call("GET", path)).status, path).toBe(200);
  }
});

test("the current user carries credit and identity, as exactly application/json", async () => {
  await using vast = await bench({ credit: 25 });
  const answer = await vast.call("GET", "/api/v0/users/current/");
  expect(answer.type).toBe("application/json");
  expect(CurrentUser.parse(answer.body)).toMatchObject({ credit: 25, total_spend: 0 });
});

test("two accounts see only their own contracts", async () => {
  await using vast = await bench();
  const other = await vast.admin("POST", "/admin/accounts", { apiKey: "second", credit: 10 });
  const id = await vast.rent();

  const listed = await vast.call("GET", "/api/v1/instances/", undefined, "second");
  expect(listed.body).toMatchObject({ total_instances: 0, instances: [] });
  const shown = await vast.call("GET", `/api/v0/instances/${id}/`, undefined, "second");
  expect(shown).toMatchObject({ status: 200, body: { instances: null } });
  const destroyed = await vast.call("DELETE", `/api/v0/instances/${id}/`, undefined, "second");
  expect(destroyed).toMatchObject({ status: 404, body: { error: "no_such_instance" } });
  const user = await vast.call("GET", "/api/v0/users/current/", undefined, "second");
  expect(user.body).toMatchObject({ id: other.body.id, credit: 10 });
});

test("an instance's own key may show, stop and destroy that instance and nothing else", async () => {
  await using vast = await bench();
  const [offer] = await vast.offers();
  const created = await vast.call("PUT", `/api/v0/asks/${offer?.id}/`, { client_id: "me", image: "ubuntu", disk: 8 });
  const { new_contract: id, instance_api_key: key } = created.body;
  const another = await vast.rent();

  expect((await vast.call("GET", `/api/v0/instances/${id}/`, undefined, key)).body.instances.id).toBe(id);
  expect((await vast.call("GET", `/api/v0/instances/${another}/`, undefined, key)).status).toBe(401);
  expect((await vast.call("GET", "/api/v1/instances/", undefined, key)).status).toBe(401);
  expect((await vast.call("DELETE", `/api/v0/instances/${id}/`, undefined, key)).body).toEqual({ success: true });
  expect((await vast.call("GET", `/api/v0/instances/${id}/`, undefined, key)).status).toBe(404);
});

test("what is not covered answers 501 with its name, and known dead ends 404", async () => {
  await using vast = await bench();
  const unknown = await vast.call("POST", "/api/v0/network_volumes/", {});
  expect(unknown).toMatchObject({ status: 501, body: { success: false, error: "not_covered" } });
  expect(unknown.body.msg).toContain("POST /api/v0/network_volumes/");
  expect((await vast.call("POST", "/api/v0/search/asks/", {})).status).toBe(404);
  expect((await vast.call("PUT", "/api/v0/bundles/", {})).status).toBe(404);
});
