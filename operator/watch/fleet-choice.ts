import { fleetsWithPrefix } from "../fleet/read.ts";
import type { CommonOptions } from "../options.ts";
import type { Session } from "../session.ts";
import { UsageError } from "../terminal.ts";
import { readWatchSettings, type WatchSettings } from "./settings.ts";

export interface FleetOptions extends CommonOptions {
  fleet?: string;
}

/** Names of the fleets that a command is about, of the state or of the config. */
export async function fleetNames(session: Session, prefix: string | undefined): Promise<string[]> {
  const fleets = await session.fleets();
  const names = fleetsWithPrefix(fleets, prefix).map(({ name }) => name);
  if (names.length > 0) return names;
  const all = fleets.fleets.map(({ name }) => name).join(", ");
  throw new UsageError(
    `there is no fleet ${prefix === undefined ? "in this stack" : `"${prefix}"`}${all === "" ? "" : `; it has ${all}`}`,
  );
}

export function watchSettings({ stack }: Pick<Session, "stack">): WatchSettings {
  return readWatchSettings(stack.config(`${stack.project}:watch`));
}
