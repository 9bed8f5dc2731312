import { isVastError } from "../../api/errors.ts";
import { attachSshKey, detachSshKey, type InstanceRow, listSshKeys, type SshKey } from "../../api/instances.ts";
import type { Context } from "../../context.ts";
import { UNKNOWN } from "../check.ts";
import { conditionOf } from "./condition.ts";
import type { InstanceInputs } from "./inputs.ts";

/** Type and key without the comment, which the service may drop. */
function bodyOf(line: string): string {
  return line.trim().split(/\s+/).slice(0, 2).join(" ");
}

/** How a key is called in messages: by its comment, else by its end. */
export function nameOfKey(line: string): string {
  const [, body = "", ...comment] = line.trim().split(/\s+/);
  return comment.length > 0 ? comment.join(" ") : `…${body.slice(-8)}`;
}

function missingOf(declared: readonly string[], attached: readonly SshKey[]): string[] {
  const there = new Set(attached.map((key) => bodyOf(key.public_key)));
  return declared.filter((line) => !there.has(bodyOf(line)));
}

/**
 * Declared keys that the instance has lost (user-pains 22). One call for each instance that declares any; a host that is
 * offline is not asked about.
 */
export async function lostKeys(
  context: Context,
  row: InstanceRow,
  { sshKeys }: Partial<Pick<InstanceInputs, "sshKeys">>,
): Promise<string[]> {
  // What a preview does not know yet is no key.
  const known = Array.isArray(sshKeys) ? sshKeys.filter((line) => line !== UNKNOWN) : [];
  if (known.length === 0 || conditionOf(row) === "offline") return [];
  return missingOf(known, await context.transport.call(listSshKeys, row.id));
}

/** Attaches what is declared and missing, detaches what was declared before and is no more. Others stay. */
export async function bringKeys(
  context: Context,
  id: number,
  declared: readonly string[],
  before: readonly string[] = [],
): Promise<void> {
  if (declared.length === 0 && before.length === 0) return;
  const attached = await context.transport.call(listSshKeys, id);
  for (const line of missingOf(declared, attached)) await context.transport.call(attachSshKey, id, line);
  const wanted = new Set(declared.map(bodyOf));
  const removed = new Set(before.map(bodyOf).filter((body) => !wanted.has(body)));
  for (const key of attached.filter(({ public_key }) => removed.has(bodyOf(public_key))))
    await context.transport.call(detachSshKey, id, key.id).catch((error: unknown) => {
      if (!isVastError(error, "not-found")) throw error;
    });
}
