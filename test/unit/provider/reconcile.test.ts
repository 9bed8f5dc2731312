import { describe, expect, test } from "vitest";
import type { VolumeRow } from "../../../provider/api/volumes.ts";
import type { ParkedContract } from "../../../provider/copy-out/parked.ts";
import { makeMark, markedVolumeName, stackMarkPrefix } from "../../../provider/lifecycle/mark.ts";
import {
  classify,
  isClean,
  type KnownResource,
  type Observed,
  type StackKnowledge,
} from "../../../provider/lifecycle/reconcile/findings.ts";
import { instanceRow, markedRow } from "../../support/rows.ts";

const stack = { project: "p", stack: "dev", owner: "ada" };
const markOfWorker = (name: string, owner = stack.owner) => makeMark({ ...stack, owner, name: `Instance/${name}` });
const MARK = markOfWorker("trainer-0");
const NEVER_RAN = { actual_status: "loading" };
const target = { connectionId: 1, bucket: "results", prefix: "runs", region: "us-east-1" };

function instance(name: string, different: Partial<KnownResource> = {}): KnownResource {
  return { urn: `urn:${name}`, type: "Instance", props: { mark: markOfWorker(name), resource: name }, ...different };
}

function volume(id: number, mark: string, different: Partial<VolumeRow> = {}): VolumeRow {
  return { id, label: markedVolumeName("ckpt", mark), disk_space: 20, machine_id: 1, ...different };
}

const parkedRecord = (contract: number): ParkedContract => ({
  contract,
  mark: MARK,
  label: "trainer-0",
  home: { endpoint: "https://console.vast.ai", accountId: 1 },
  machine: 1,
  since: "2026-11-24T10:00:00.000Z",
  dph: 0.4,
  copyOut: { target, paths: ["/out"] },
});

function findings(
  seen: Partial<Observed> & { list?: Observed["rows"] extends ReadonlyMap<number, infer Row> ? Row[] : never },
  known: Partial<StackKnowledge> = {},
) {
  const { list = [], ...rest } = seen;
  const rows = new Map(list.map((row) => [row.id, row]));
  return classify(
    { rows, volumes: [], parked: [], gone: new Set(), ...rest },
    { markPrefix: stackMarkPrefix(stack), recorded: [], pending: [], program: [], ...known },
  );
}

describe("a contract", () => {
  test("that the state knows is nothing to report", () => {
    const found = findings({ list: [markedRow(1, MARK)] }, { recorded: [instance("trainer-0", { id: "1" })] });
    expect(isClean(found)).toBe(true);
  });

  test("of another person's stack of the same names, of another project or without a mark is never touched", () => {
    const list = [
      markedRow(1, markOfWorker("trainer-0", "bob")),
      markedRow(2, makeMark({ ...stack, project: "q", name: "x" })),
      instanceRow({ id: 3 }),
    ];
    expect(isClean(findings({ list }))).toBe(true);
  });

  test("that no state knows and no program asks for is to be destroyed", () => {
    const { orphans } = findings({ list: [markedRow(1, MARK)] });
    expect(orphans).toMatchObject([{ mark: MARK, mayHaveRun: true, settledBy: "destroy", copyOut: undefined }]);
  });

  test("whose resource is in the program is left to `up`", () => {
    const { orphans } = findings({ list: [markedRow(1, MARK)] }, { program: [instance("trainer-0")] });
    expect(orphans).toMatchObject([{ settledBy: "up", declared: { urn: "urn:trainer-0" } }]);
  });

  test("is not condemned while nobody could ask the program", () => {
    const { orphans } = findings({ list: [markedRow(1, MARK)] }, { program: undefined });
    expect(orphans).toMatchObject([{ settledBy: "unsure" }]);
  });

  test("that an update may just be renting is left alone, whatever the program says", () => {
    const pending = [instance("trainer-0")];
    expect(findings({ list: [markedRow(1, MARK)] }, { pending }).orphans).toMatchObject([{ settledBy: "unfinished" }]);
    expect(findings({ list: [markedRow(1, MARK)] }, { pending, program: undefined }).orphans).toMatchObject([
      { settledBy: "unfinished" },
    ]);
  });

  test("that never ran has nothing to copy out", () => {
    const { orphans } = findings({ list: [markedRow(1, MARK, NEVER_RAN)] });
    expect(orphans).toMatchObject([{ mayHaveRun: false }]);
  });

  test("carries the copy-out of the create that was cut short, of an earlier state, or of its twin", () => {
    const copyOut = { target, paths: ["/out"] };
    const described = instance("trainer-0", { props: { mark: MARK, copyOut } });
    const list = [markedRow(1, MARK)];
    for (const known of [
      { pending: [described] },
      { remembered: [described] },
      { recorded: [{ ...described, id: "9" }] },
    ])
      expect(findings({ list }, known).orphans).toMatchObject([{ copyOut }]);
  });

  test("with a copy-out that a preview does not know yet is as one without", () => {
    const copyOut = { target: "04da6b54-80e4-46f7-96ec-b56ff0331ba9", paths: ["/out"] };
    const program = [instance("trainer-0", { props: { mark: MARK, copyOut } })];
    expect(findings({ list: [markedRow(1, MARK)] }, { program }).orphans[0]?.copyOut).toBeUndefined();
  });
});

describe("two contracts of one resource", () => {
  test("leave the one that the state knows", () => {
    const recorded = [instance("trainer-0", { id: "2" })];
    const { orphans } = findings({ list: [markedRow(1, MARK), markedRow(2, MARK)] }, { recorded, program: recorded });
    expect(orphans).toMatchObject([{ row: { id: 1 }, duplicateOf: 2, settledBy: "destroy" }]);
  });

  test("that no state knows leave the older one to `up`", () => {
    const program = [instance("trainer-0")];
    const { orphans } = findings({ list: [markedRow(2, MARK), markedRow(1, MARK)] }, { program });
    expect(orphans).toMatchObject([
      { row: { id: 1 }, duplicateOf: undefined, settledBy: "up" },
      { row: { id: 2 }, duplicateOf: 1, settledBy: "destroy" },
    ]);
  });
});

describe("a state entry", () => {
  test("whose contract is proven gone is missing", () => {
    const recorded = [instance("trainer-0", { id: "7" })];
    expect(findings({ gone: new Set(["urn:trainer-0"]) }, { recorded }).missing).toMatchObject([
      { resource: { id: "7" }, successor: undefined },
    ]);
  });

  test("whose contract is absent from the list without proof is left as it is", () => {
    expect(isClean(findings({}, { recorded: [instance("trainer-0", { id: "7" })] }))).toBe(true);
  });

  test("of a gone contract whose resource lives on under another id names its successor, left to `up`", () => {
    const recorded = [instance("trainer-0", { id: "7" })];
    const found = findings(
      { list: [markedRow(8, MARK)], gone: new Set(["urn:trainer-0"]) },
      { recorded, program: recorded },
    );
    expect(found.missing).toMatchObject([{ resource: { id: "7" }, successor: 8 }]);
    expect(found.orphans).toMatchObject([{ row: { id: 8 }, settledBy: "up", duplicateOf: undefined }]);
  });
});

describe("a parked contract", () => {
  test.each([
    ["offline", [markedRow(1, MARK, { actual_status: "offline" })]],
    ["back", [markedRow(1, MARK)]],
    ["gone", []],
  ] as const)("whose host is %s is no orphan and says so", (host, list) => {
    const found = findings({ list: [...list], parked: [parkedRecord(1)] });
    expect(found).toMatchObject({ orphans: [], parked: [{ host }] });
    expect(isClean(found)).toBe(false);
  });

  test("that a state still names is the state's", () => {
    const recorded = [instance("trainer-0", { id: "1" })];
    expect(isClean(findings({ list: [markedRow(1, MARK)], parked: [parkedRecord(1)] }, { recorded }))).toBe(true);
  });
});

describe("a volume", () => {
  const mark = makeMark({ ...stack, name: "Volume/data" });
  const known: KnownResource = { urn: "urn:data", type: "Volume", id: "5", props: { mark, name: "ckpt" } };

  test("that no state knows is found by its name; those of others are not", () => {
    const foreign = makeMark({ ...stack, owner: "bob", name: "Volume/data" });
    const { orphanVolumes } = findings({
      volumes: [volume(5, mark), volume(6, foreign), volume(7, mark, { label: "mine" })],
    });
    expect(orphanVolumes).toMatchObject([{ row: { id: 5 }, name: "ckpt", settledBy: "destroy" }]);
  });

  test("whose resource is in the program is left to `up`", () => {
    expect(findings({ volumes: [volume(5, mark)] }, { program: [known] }).orphanVolumes).toMatchObject([
      { settledBy: "up" },
    ]);
  });

  test("that carries the mark of one that a state knows is a duplicate of it, for no `up` to take up", () => {
    const { orphanVolumes } = findings(
      { volumes: [volume(5, mark), volume(6, mark)] },
      { recorded: [known], program: [known] },
    );
    expect(orphanVolumes).toMatchObject([{ row: { id: 6 }, duplicateOf: 5, settledBy: "destroy" }]);
  });

  test("is the older of two that no state knows, and the other one its duplicate", () => {
    const { orphanVolumes } = findings({ volumes: [volume(6, mark), volume(5, mark)] }, { program: [known] });
    expect(orphanVolumes).toMatchObject([
      { row: { id: 5 }, duplicateOf: undefined, settledBy: "up" },
      { row: { id: 6 }, duplicateOf: 5, settledBy: "destroy" },
    ]);
  });

  test("that no instance uses is shown, and is no fault of the state", () => {
    const found = findings({ volumes: [volume(5, mark)] }, { recorded: [known] });
    expect(found.idleVolumes).toMatchObject([{ row: { id: 5 } }]);
    expect(isClean(found)).toBe(true);
    expect(findings({ volumes: [volume(5, mark, { instances: [1] })] }, { recorded: [known] }).idleVolumes).toEqual([]);
  });
});
