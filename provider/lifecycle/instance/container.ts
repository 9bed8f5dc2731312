import type { RentRequest } from "../../api/instances.ts";
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
