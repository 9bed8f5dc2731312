import { expect, test } from "vitest";
import { diffInstance } from "../../../provider/lifecycle/instance/diff.ts";
import { updateInstance } from "../../../provider/lifecycle/instance/update.ts";
import { API_KEY, checked, create, startWorld, type VastWorld, worker } from "../../support/vast-world.ts";

const key = (name: string) => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${name.padEnd(34, "A")} ${name}`;

async function keysOf(world: VastWorld, id: string): Promise<string> {
  const headers = { authorization: `Bearer ${API_KEY}` };
  return (await fetch(`${world.url}/api/v0/instances/${id}/ssh/`, { headers })).text();
}

test("the program's public keys are attached to the instance itself, and further ones without touching its container", async () => {
  await using world = await startWorld();
  const { id, state } = await create(world.context(), worker({ sshKeys: [key("alice")] }));
  expect(await keysOf(world, id)).toContain(key("alice"));

  const wanted = checked(worker({ sshKeys: [key("alice"), key("bob")] }));
  expect(await diffInstance(world.context(), id, state, wanted)).toMatchObject({ changes: true, replaces: [] });
  await updateInstance(world.context(), id, state, wanted);

  expect(await keysOf(world, id)).toContain(key("bob"));
  expect(await world.instancesEver()).toMatchObject([{ id: Number(id), actual: "running" }]);
});
