import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { copyOutSchema } from "../../provider/copy-out/inputs.ts";
import { TARGET_REPLACES, targetInputsSchema } from "../../provider/lifecycle/cloud-sync-target.ts";
import { criteriaSchema } from "../../provider/lifecycle/instance/criteria.ts";
import {
  AT_NEXT_RENTAL,
  NOT_COMPARED,
  RECREATES_CONTAINER,
  REPLACES,
  REPLACES_IF_UNMET,
} from "../../provider/lifecycle/instance/diff.ts";
import { inputsSchema } from "../../provider/lifecycle/instance/inputs.ts";
import { VOLUME_NOT_COMPARED, VOLUME_REPLACES } from "../../provider/lifecycle/volume.ts";
import { volumeInputsSchema } from "../../provider/lifecycle/volume-inputs.ts";
import { table, updated } from "./markdown.ts";
import { ruleTable } from "./rules.ts";
import { type InputRow, inputRows } from "./schemas.ts";
import { errorRows, listedInDoc, type MemberRow, memberRows } from "./sources.ts";

const PAGES = join(import.meta.dirname, "../../docs");

/** What a change of an input does, from the lists that `diff` goes by. */
type Effects = readonly (readonly [inputs: readonly string[], effect: string])[];
const IN_PLACE = "in place";

const INSTANCE_EFFECTS: Effects = [
  [REPLACES, "replaces"],
  [RECREATES_CONTAINER, "recreates the container, after the gate"],
  [REPLACES_IF_UNMET, "replaces a machine that does not meet it; else in place"],
  [AT_NEXT_RENTAL, "holds from the next rental on"],
  [NOT_COMPARED, "none"],
];
const VOLUME_EFFECTS: Effects = [
  [VOLUME_REPLACES, "replaces"],
  [VOLUME_NOT_COMPARED, "none"],
];
const TARGET_EFFECTS: Effects = [[TARGET_REPLACES, "replaces"]];

const INSTANCE_FILES = [...filesIn("lifecycle/instance"), ...filesIn("copy-out")];
const OUTPUTS = "lifecycle/instance/outputs.ts";
const LOOK_UP = "lifecycle/look-up.ts";

export const BLOCKS: Readonly<Record<string, () => string>> = {
  "inputs of VastInstance": () => inputs(inputRows(inputsSchema, ["offer", "copyOut"]), INSTANCE_EFFECTS),
  "criteria of an offer": () => inputs(inputRows(criteriaSchema)),
  "inputs of copyOut": () => inputs(inputRows(copyOutSchema, ["target"])),
  "outputs of VastInstance": () =>
    outputs([
      ...memberRows(OUTPUTS, "MachineFacts"),
      ...memberRows(OUTPUTS, "InstanceFacts"),
      ...memberRows(OUTPUTS, "RentalRecord", ["home", "everRan", "boot"]),
    ]),
  "errors of VastInstance": () => errors(INSTANCE_FILES.filter((file) => !file.includes("volume"))),
  "inputs of VastVolume": () => inputs(inputRows(volumeInputsSchema, ["placeWith", "copyOut.target"]), VOLUME_EFFECTS),
  "outputs of VastVolume": () => outputs(memberRows("lifecycle/volume-inputs.ts", "VolumeFacts", ["home"])),
  "errors of VastVolume": () =>
    errors(["lifecycle/volume.ts", "lifecycle/volume-placement.ts", "copy-out/volume-record.ts"]),
  "inputs of CloudSyncTarget": () => inputs(inputRows(targetInputsSchema), TARGET_EFFECTS),
  "errors of CloudSyncTarget": () => errors(["lifecycle/cloud-sync-target.ts", "copy-out/s3.ts"]),
  "inputs of VastFleet": () => members("input", memberRows("resources/vast-fleet.ts", "VastFleetArgs")),
  "outputs of VastFleet": () => outputs(memberRows("resources/vast-fleet.ts", "VastFleet")),
  "result of getOffers": () => outputs(memberRows(LOOK_UP, "OfferInfo")),
  "result of getInstances": () =>
    outputs([...memberRows(LOOK_UP, "InstanceInfo"), ...memberRows(OUTPUTS, "MachineFacts")]),
  "result of getVolumes": () => outputs(memberRows(LOOK_UP, "VolumeInfo")),
  "result of getAccount": () => outputs(memberRows(LOOK_UP, "AccountInfo")),
  "result of getConnections": () => outputs(memberRows(LOOK_UP, "ConnectionInfo")),
  "rules of safety": () => ruleTable("safety"),
  "rules of cost": () => ruleTable("cost"),
  "rules of storage": () => ruleTable("storage"),
  "error codes": () => table(["name", "meaning"], listedInDoc("api/errors.ts", "VastErrorCode")),
  "errors of every resource": () => errors(["config.ts", "context.ts", "resources/args.ts", ...filesIn("api")]),
};

function inputs(rows: readonly InputRow[], effects?: Effects): string {
  const described = rows.map((row) => ({ ...row, "a change": effects ? effectOf(row.input, effects) : "" }));
  return table(["input", "type", "default", "meaning", "a change"], described);
}

/** An input inside an object changes as the object does. */
function effectOf(input: string, effects: Effects): string {
  const key = input.replaceAll("`", "");
  if (key.includes(".")) return "";
  return effects.find(([keys]) => keys.includes(key))?.[1] ?? IN_PLACE;
}

function outputs(rows: readonly MemberRow[]): string {
  return members("output", rows);
}

function members(head: "input" | "output", rows: readonly MemberRow[]): string {
  const named = rows.map(({ output, type, meaning }) => ({ [head]: output, type: `\`${type}\``, meaning }));
  return table([head, "type", "meaning"] as string[], named as Record<string, string>[]);
}

function errors(files: readonly string[]): string {
  return table(["code", "when", "what to do"], errorRows(files));
}

function filesIn(folder: string): string[] {
  const names = readdirSync(join(import.meta.dirname, "../../provider", folder)).sort();
  return names.filter((name) => name.endsWith(".ts")).map((name) => `${folder}/${name}`);
}

export interface Page {
  name: string;
  text: string;
  current: string;
}

/** Every reference page as it is and as it should be. */
export function pages(): Page[] {
  const resources = readdirSync(join(PAGES, "resources")).filter((name) => name.endsWith(".md"));
  const names = ["policies.md", ...resources.map((name) => `resources/${name}`)];
  return names.map((name) => {
    const text = readFileSync(join(PAGES, name), "utf8");
    return { name, text, current: updated(text, BLOCKS) };
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const { name, current } of pages()) writeFileSync(join(PAGES, name), current);
}
