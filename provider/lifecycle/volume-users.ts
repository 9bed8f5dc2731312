import { listVolumes, type VolumeRow } from "../api/volumes.ts";
import type { Context } from "../context.ts";

/** After an instance's destroy the volume stays taken for about 30 s (vast-api.md 4). */
const RELEASED_WITHIN_S = 180;
const RELEASE_POLL_S = 5;

/** Contracts that use a volume, once those that no longer exist have let go of it; none when it is free, or not listed. */
export async function usersOnceReleased(context: Context, volumeId: number, first?: VolumeRow): Promise<number[]> {
  const { clock } = context;
  const look = async () => (await context.transport.call(listVolumes)).find((row) => row.id === volumeId);
  const deadline = clock.elapsedS() + RELEASED_WITHIN_S;
  for (let row = first ?? (await look()); ; row = await look()) {
    const users = row?.instances ?? [];
    if (users.length === 0) return [];
    const listed = (await context.sweeper.since(clock.elapsedS())).rows;
    const alive = users.filter((id) => listed.has(id));
    if (alive.length > 0 || clock.elapsedS() > deadline) return users;
    await clock.sleep(RELEASE_POLL_S);
  }
}
