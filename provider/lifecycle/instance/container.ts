import { isDeepStrictEqual } from "node:util";
import type { InstanceRow, RentRequest } from "../../api/instances.ts";
import { wrapOnstart } from "../../fleet/image.ts";
import { MARK_VARIABLE } from "../mark.ts";
import type { InstanceInputs } from "./inputs.ts";

export function rentRequest(inputs: InstanceInputs): RentRequest {
  return {
    image: inputs.image,
    imageLogin: inputs.imageLogin,
    diskGb: inputs.disk,
    env: containerEnv(inputs),
    onstart: inputs.onstart === undefined ? undefined : wrapOnstart(inputs.onstart).text,
    runtype: inputs.runtype,
    label: inputs.label,
    bid: inputs.bid ?? null,
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

type ContainerInputs = Pick<InstanceInputs, "image" | "env" | "onstart" | "ports">;

/** The inputs that made a contract's container, as its row shows them; those of the program where it shows nothing. */
export function containerInputsOf(row: InstanceRow, inputs: InstanceInputs): ContainerInputs {
  // Docker flags are kept among the variables; no variable's name begins like one.
  const env = row.extra_env.filter(([key]) => !key.startsWith("-") && key !== MARK_VARIABLE);
  return {
    image: row.image_uuid ?? inputs.image,
    env: Object.fromEntries(env),
    onstart: onstartOf(row, inputs),
    ports: portsOf(row, inputs),
  };
}

function onstartOf(row: InstanceRow, { onstart }: InstanceInputs): string | undefined {
  if (row.onstart === undefined) return onstart;
  const sent = onstart === undefined ? "" : wrapOnstart(onstart).text;
  return (row.onstart ?? "") === sent ? onstart : (row.onstart ?? "");
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
