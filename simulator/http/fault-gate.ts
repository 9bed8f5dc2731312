import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Fault, FaultTarget } from "../world/faults.ts";
import type { Contract } from "../world/types.ts";
import type { World } from "../world/world.ts";
import { toResponse } from "./api.ts";
import type { Reply } from "./replies.ts";

export interface Passage {
  name: string;
  contract: Contract | undefined;
  account: number | undefined;
  bindings: HttpBindings;
  note: (status: number) => void;
}

/** Status noted for a call whose connection was cut: no client ever sees one. */
const CUT = 0;

const HTML_PAGE =
  "<html><head><title>403 Forbidden</title></head><body><center><h1>403 Forbidden</h1></center></body></html>";

/** Puts faults between a call and its answer: before the effect, or after it. */
export class FaultGate {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  async around(passage: Passage, answer: () => Promise<Reply>): Promise<Response> {
    const target: FaultTarget = {
      instanceId: passage.contract?.id,
      label: passage.contract?.label,
      account: passage.account,
    };
    const delayed = this.#strike(passage, ["delay"], target);
    if (delayed) await this.#world.clock.wait(delayed.seconds ?? 30);
    const before = this.#strike(passage, ["drop-before", "status", "html"], target);
    if (before) return this.#refuse(passage, before);
    const reply = await answer();
    const after = this.#strike(passage, ["drop-after", "truncate", "wrong-shape"], target);
    if (after) return this.#spoil(passage, after, reply);
    passage.note(reply.status);
    return toResponse(reply);
  }

  #strike(passage: Passage, kinds: Fault["kind"][], target: FaultTarget): Fault | undefined {
    const fault = this.#world.faults.strike([passage.name], kinds, target);
    if (fault) this.#world.record("fault", { fault: fault.id, kind: fault.kind, route: passage.name });
    return fault;
  }

  #refuse(passage: Passage, fault: Fault): Response {
    if (fault.kind === "drop-before") return cut(passage);
    if (fault.kind === "html") {
      const reply = { status: fault.status ?? 403, body: fault.body ?? HTML_PAGE, contentType: "text/html" };
      passage.note(reply.status);
      return toResponse(reply);
    }
    const status = fault.status ?? 500;
    passage.note(status);
    if (typeof fault.body === "string") return toResponse({ status, body: fault.body, contentType: "text/plain" });
    const body = fault.body ?? { success: false, error: "internal_error", msg: "Internal server error" };
    return toResponse({ status, body });
  }

  #spoil(passage: Passage, fault: Fault, reply: Reply): Response {
    if (fault.kind === "drop-after") return cut(passage);
    if (fault.kind === "truncate") return truncate(passage, reply);
    passage.note(reply.status);
    return toResponse({ status: reply.status, body: fault.body ?? {} });
  }
}

function cut(passage: Passage): Response {
  passage.note(CUT);
  passage.bindings.incoming.socket.destroy();
  return RESPONSE_ALREADY_SENT;
}

/** Announces the whole body, sends half of it and hangs up. */
function truncate(passage: Passage, reply: Reply): Response {
  passage.note(reply.status);
  const whole = JSON.stringify(reply.body);
  const { outgoing } = passage.bindings;
  outgoing.writeHead(reply.status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(whole),
  });
  outgoing.write(whole.slice(0, Math.floor(whole.length / 2)), () => passage.bindings.incoming.socket.destroy());
  return RESPONSE_ALREADY_SENT;
}
