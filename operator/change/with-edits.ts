import type { FleetEdit } from "../fleet/config.ts";
import type { Session } from "../session.ts";
import { StackBusyError } from "../stack/errors.ts";

/**
 * Writes the config, then runs the engine. Should the run fail on the way, the next `pulumi up` does the rest; where nothing
 * began, another update being under way, the config is put back.
 */
export async function withEdits(
  { stack }: Pick<Session, "stack">,
  edits: readonly FleetEdit[],
  run: () => Promise<void>,
): Promise<void> {
  const undo = await stack.fleets.change(edits);
  try {
    await run();
  } catch (error) {
    if (error instanceof StackBusyError) await undo();
    throw error;
  }
}
