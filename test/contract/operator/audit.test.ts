import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { auditAccount } from "../../../operator/audit/account.ts";
import { resourcesOf } from "../../../operator/audit/deployment.ts";
import { auditByPack } from "../../../operator/audit/pack.ts";
import { markdown } from "../../../operator/audit/report.ts";
import type { StackResource } from "../../../operator/stack/state.ts";
import { destroyInstance, rentOffer, setState } from "../../../provider/api/instances.ts";
import { rentVolume, searchVolumes } from "../../../provider/api/volumes.ts";
import { offerQuery } from "../../../provider/fleet/place.ts";
import { inputsSchema } from "../../../provider/lifecycle/instance/inputs.ts";
import { needOf } from "../../../provider/lifecycle/instance/need.ts";
import { makeMark, stackMarkPrefix } from "../../../provider/lifecycle/mark.ts";
import { survey } from "../../../provider/lifecycle/reconcile/survey.ts";
import { checked, create, type Held, startWorld, type VastWorld, worker } from "../../support/vast-world.ts";

/** The stack of `worker()`. */
const STACK = { project: "p", stack: "dev", owner: "o" };

function recordedAs({ id, state }: Held, different: Record<string, unknown> = {}): StackResource {
  const props = { ...state, ...different };
  return { urn: `urn:pulumi:dev::p::vast:Instance::${state.label}`, type: "Instance", id, props, inputs: props };
}

async function look(world: VastWorld, recorded: StackResource[] = [], allowed: number[] = []): Promise<string[]> {
  const context = world.context();
  const known = { markPrefix: stackMarkPrefix(STACK), recorded, pending: [], fleets: [] };
  const { observed } = await survey(context, async () => known);
  const findings = auditAccount({ observed, known, nowS: context.clock.nowS(), allowed: new Set(allowed) });
  return findings.map(({ rule, level, subject }) => `${level} ${rule} ${subject}`);
}

/** As somebody does in the Vast console. */
async function rentByHand(world: VastWorld): Promise<number> {
  const { market, transport, clock } = world.context();
  const [offer] = await market.offers(offerQuery(needOf(inputsSchema.parse(checked(worker())), clock.nowS())));
  const request = { image: "ubuntu:22.04", diskGb: 10, env: {}, runtype: "ssh", label: "probe", bid: null };
  return transport.call(rentOffer, offer?.id ?? 0, { ...request, state: "running" });
}

describe("the account", () => {
  test("is in order with a worker that runs as its state has it", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    expect(await look(world, [recordedAs(held)])).toEqual([]);
  });

  test("with a contract that somebody rented by hand is not, until that is agreed on", async () => {
    await using world = await startWorld();
    const id = await rentByHand(world);
    expect(await look(world)).toEqual([`mandatory contract-outside-any-stack contract ${id} (probe)`]);
    expect(await look(world, [], [id])).toEqual([]);
  });

  test("with a volume that somebody rented by hand is not, until that is agreed on", async () => {
    await using world = await startWorld();
    const { transport } = world.context();
    const [offer] = await transport.call(searchVolumes, { filters: { verified: { eq: true } }, sizeGb: 20 });
    const id = await transport.call(rentVolume, offer?.id ?? 0, 20, "scratch");
    expect(await look(world)).toEqual([`mandatory volume-outside-any-stack volume ${id} (scratch)`]);
    expect(await look(world, [], [id])).toEqual([]);
  });

  test("is not audited for the contracts of other stacks", async () => {
    await using world = await startWorld();
    await create(world.context(), worker({ mark: makeMark({ ...STACK, owner: "another", name: "trainer-0" }) }));
    expect(await look(world)).toEqual([]);
  });

  test("has lost a contract with this stack's mark that its state does not know", async () => {
    await using world = await startWorld();
    const { id } = await create(world.context());
    expect(await look(world)).toEqual([`mandatory contract-lost contract ${id} (trainer-0)`]);
  });

  test("bills a machine that somebody stopped, which the program wants running", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    await world.context().transport.call(setState, Number(held.id), "stopped");
    await world.until(Number(held.id), ({ actual }) => actual === "exited");
    expect(await look(world, [recordedAs(held)])).toEqual(["mandatory contract-stopped-billing trainer-0"]);
    expect(await look(world, [recordedAs(held, { state: "stopped" })])).toEqual([
      "advisory contract-stopped-billing trainer-0",
    ]);
  });

  test("bills a worker that was to end long ago", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    const expired = recordedAs(held, { expiresAt: "2020-01-01T00:00:00Z" });
    expect(await look(world, [expired])).toEqual(["mandatory contract-expired trainer-0"]);
  });

  test("has a contract less than the state", async () => {
    await using world = await startWorld();
    const held = await create(world.context());
    await world.context().transport.call(destroyInstance, Number(held.id));
    expect(await look(world, [recordedAs(held)])).toEqual(["advisory contract-gone trainer-0"]);
  });
});

// Each starts a process, which takes its time on a machine that has other things to do.
describe("the state", { timeout: 180_000 }, () => {
  const pack = { folder: join(import.meta.dirname, "../../../policies"), project: "fleet", stack: "dev" };
  const state = (inputs: object) =>
    resourcesOf({
      resources: [
        { urn: "urn:pulumi:dev::fleet::pulumi:pulumi:Stack::fleet-dev", type: "pulumi:pulumi:Stack" },
        {
          urn: "urn:pulumi:dev::fleet::pulumi-nodejs:dynamic/vast:Instance::trainer",
          type: "pulumi-nodejs:dynamic/vast:Instance",
          inputs,
          outputs: inputs,
        },
      ],
    });
  const inputs = {
    offer: { gpu: "RTX 4090", maxDph: 9, maxBandwidthPrice: 0.02, verified: true, minReliability: 0.95 },
    image: "pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime",
    imageCuda: 12.4,
    disk: 40,
    runtype: "ssh_direct",
    state: "running",
    maxDurationHours: 24,
    tags: { owner: "ada", team: "research" },
    // As an export shows a secret.
    env: { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", plaintext: '{"A":"b"}' },
    copyOut: { target: { bucket: "b", prefix: "p" }, paths: ["/workspace/out"], required: ["*.pt"] },
  };
  const exception = { resource: "trainer", rule: "max-dph", reason: "agreed for one benchmark" };

  test.each([
    ["the pack's own levels", {}, [["max-dph", "mandatory"]]],
    [
      "a higher cap of the stack's config",
      { "pulumi-vast:policies": JSON.stringify({ "max-dph": { capUsdPerHour: 10 } }) },
      [],
    ],
    [
      "a level of the stack's config",
      { "pulumi-vast:policies": JSON.stringify({ all: "advisory" }) },
      [["max-dph", "advisory"]],
    ],
    [
      "an exception in force",
      { "pulumi-vast:policyExceptions": JSON.stringify([{ ...exception, expires: "2999-01-01" }]) },
      [["exceptions-in-force", "advisory"]],
    ],
    [
      "an exception whose day is past",
      { "pulumi-vast:policyExceptions": JSON.stringify([{ ...exception, expires: "2020-01-01" }]) },
      [
        ["exceptions-not-expired", "mandatory"],
        ["max-dph", "mandatory"],
      ],
    ],
  ])("is judged by the packs as a preview is: %s", async (_, config, expected) => {
    const findings = await auditByPack({ ...pack, config }, state(inputs));
    expect(findings.map(({ rule, level }) => [rule, level]).toSorted()).toEqual(expected);
  });

  test("is held to its budgets as a whole", async () => {
    const config = { "pulumi-vast:policies": JSON.stringify({ "max-instances": { most: 0 }, "max-dph": "disabled" }) };
    const findings = await auditByPack({ ...pack, config }, state(inputs));
    expect(findings).toMatchObject([{ rule: "max-instances", level: "mandatory" }]);
  });

  test.each([
    ["warned of when all workers of a fleet ended up on one host", [7, 7], [["spread-hosts", "advisory"]]],
    ["in order when they are spread over two", [7, 8], []],
  ])("is %s", async (_, hosts, expected) => {
    const type = "pulumi-nodejs:dynamic/vast:Instance";
    const parent = "urn:pulumi:dev::fleet::vast:index:Fleet::pair";
    const resources = hosts.map((hostId, n) => {
      const urn = `urn:pulumi:dev::fleet::vast:index:Fleet$${type}::pair-worker-${n}`;
      return { urn, type, parent, inputs, outputs: { ...inputs, hostId } };
    });
    const config = { "pulumi-vast:policies": JSON.stringify({ "max-dph": "disabled" }) };
    const findings = await auditByPack({ ...pack, config }, resourcesOf({ resources }));
    expect(findings.map(({ rule, level }) => [rule, level])).toEqual(expected);
  });

  test("is not judged at all by a pack whose config is not right, and that is said", async () => {
    const config = { "pulumi-vast:policies": JSON.stringify({ nonsense: "mandatory" }) };
    await expect(auditByPack({ ...pack, config }, state(inputs))).rejects.toThrow(/names "nonsense", which is no rule/);
  });
});

test("the report of an audit is found again by its first line, whatever a message holds", () => {
  const finding = { rule: "max-dph", level: "mandatory" as const, subject: "trainer", message: "a | b\nc" };
  const [first, , heading] = markdown("prod", [finding]).split("\n");
  expect(first).toBe("<!-- pulumi-vast audit of prod -->");
  expect(heading).toBe("## Audit of `prod`: ❌ 1 violation");
  expect(markdown("prod", [finding])).toContain("| `max-dph` | trainer | a \\| b c |");
  expect(markdown("prod", [])).toContain("✅ nothing is violated");
});
