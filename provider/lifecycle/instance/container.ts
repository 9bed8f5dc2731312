import { isDeepStrictEqual } from "node:util";
import type { ContainerSettings, InstanceRow, RentRequest } from "../../api/instances.ts";
import { wrapOnstart } from "../../fleet/image.ts";
import { MARK_VARIABLE } from "../mark.ts";
import type { InstanceInputs } from "./inputs.ts";

/** The rental of `inputs`; `bid` is what this one bids, which a fallback leaves out. */
export function rentRequest(inputs: InstanceInputs, bid: number | undefined): RentRequest {
  return {
    image: inputs.image,
    template: inputs.template,
    args: inputs.args.length === 0 ? undefined : inputs.args,
    imageLogin: inputs.imageLogin,
    diskGb: inputs.disk,
    env: containerEnv(inputs),
    onstart: inputs.onstart === undefined ? undefined : wrapOnstart(inputs.onstart).text,
    runtype: inputs.runtype,
    label: inputs.label,
    bid: bid ?? null,
    state: inputs.state,
    volume: inputs.volume === undefined ? undefined : { id: inputs.volume.id, mountPath: inputs.volume.mountPath },
  };
}

/** The user's variables, the mark, and ports as Docker flags (vast-api.md 3.1). */
export function containerEnv(inputs: InstanceInputs): Record<string, string> {
  const ports = inputs.ports.map((port): [string, string] => {
    const [number, protocol] = String(port).split("/");
    return [`-p ${number}:${number}${protocol === "udp" ? "/udp" : ""}`, "1"];
  });
  return { ...inputs.env, [MARK_VARIABLE]: inputs.mark, ...Object.fromEntries(ports) };
}

/** For the call that recreates the container; what a template gives is left to it. */
export function containerSettings(inputs: InstanceInputs): ContainerSettings {
  const fromTemplate = inputs.template !== undefined;
  return {
    ...(inputs.image === undefined ? {} : { image: inputs.image }),
    ...(inputs.template === undefined ? {} : { template_hash_id: inputs.template }),
    ...(fromTemplate && inputs.args.length === 0 ? {} : { args: inputs.args }),
    env: containerEnv(inputs),
    ...(inputs.onstart === undefined && fromTemplate ? {} : { onstart: sentOnstart(inputs) }),
  };
}

function sentOnstart({ onstart }: Pick<InstanceInputs, "onstart">): string {
  return onstart === undefined ? "" : wrapOnstart(onstart).text;
}

type ContainerInputs = Pick<InstanceInputs, "image" | "template" | "args" | "env" | "onstart" | "ports">;

/** The inputs that made a contract's container, as its row shows them; those of the program where it shows nothing. */
export function containerInputsOf(row: InstanceRow, inputs: InstanceInputs): ContainerInputs {
  // Docker flags are kept among the variables; no variable's name begins like one.
  const variables = row.extra_env.filter(([key]) => !key.startsWith("-") && key !== MARK_VARIABLE);
  // What the template gave is not the program's to compare.
  const given = inputs.template !== undefined;
  const env = given ? variables.filter(([key]) => key in inputs.env) : variables;
  const made = {
    template: row.template_hash_id ?? undefined,
    env: Object.fromEntries(env),
    ports: portsOf(row, inputs),
  };
  return {
    ...made,
    image: given && inputs.image === undefined ? undefined : (row.image_uuid ?? inputs.image),
    args: given && inputs.args.length === 0 ? [] : (row.image_args ?? inputs.args),
    onstart: given && inputs.onstart === undefined ? undefined : onstartOf(row, inputs),
  };
}

function onstartOf(row: InstanceRow, { onstart }: InstanceInputs): string | undefined {
  if (row.onstart === undefined) return onstart;
  return (row.onstart ?? "") === sentOnstart({ onstart }) ? onstart : (row.onstart ?? "");
}

/** Spelled as in the inputs where the same ports are meant. */
function portsOf(row: InstanceRow, inputs: InstanceInputs): InstanceInputs["ports"] {
  const asked = Object.keys(containerEnv({ ...inputs, env: {} })).filter((key) => key.startsWith("-p "));
  const open = row.extra_env.map(([key]) => key).filter((key) => key.startsWith("-p "));
  if (isDeepStrictEqual(new Set(asked), new Set(open))) return inputs.ports;
  return open.flatMap((flag): (number | string)[] => {
    const [, port, udp] = /^-p \d+:(\d+)(\/udp)?/.exec(flag) ?? [];
    if (port === undefined) return [];
    return udp === undefined ? [Number(port)] : [`${port}${udp}`];
  });
}

/** What of a contract's container is not as the program says now; names only, values may be secret. */
export function containerDifferences(row: InstanceRow, inputs: InstanceInputs): (keyof ContainerInputs)[] {
  const made = containerInputsOf(row, inputs);
  const keys = Object.keys(made) as (keyof ContainerInputs)[];
  return keys.filter((key) => !isDeepStrictEqual(made[key], inputs[key]));
}
