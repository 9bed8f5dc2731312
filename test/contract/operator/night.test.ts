import { expect, test, vi } from "vitest";
import { ROOT } from "../../../tools/s3.ts";
import { TARGETS_S } from "../../nights/judge.ts";
import { night } from "../../nights/night.ts";

/** Wall time: some ten thousand calls of the simulator, of the real handlers and of the bucket. */
const LONGEST_MS = 400_000;

test(
  "in a night of preemptions, duds, a lost host, a price jump and an outage the monitor keeps four workers, loses no checkpoint and rents nothing twice",
  async () => {
    vi.stubEnv("AWS_ACCESS_KEY_ID", ROOT.accessKeyId);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", ROOT.secretAccessKey);
    const watched = await night({ seed: 1, monitored: true });
    const alone = await night({ seed: 1, monitored: false });
    const told = watched.transcript.join("\n");

    expect(watched.missed, told).toEqual([]);
    expect(watched.checkpointsLost, told).toEqual([]);
    expect(watched.duplicateRentals, told).toEqual([]);
    for (const { kind, seconds, targetS } of watched.recoveries)
      expect(seconds, `${kind}\n${told}`).toBeLessThanOrEqual(targetS ?? Number.POSITIVE_INFINITY);
    expect(watched.killedInS, told).toBeLessThanOrEqual(TARGETS_S.billing);
    expect(watched.presence, told).toBeGreaterThan(0.95);
    expect(alone.presence).toBeLessThan(watched.presence - 0.1);
    // A worker hour costs no more for being watched: what does not work is not paid for.
    expect(watched.cost / watched.workerHours).toBeLessThan((alone.cost / alone.workerHours) * 1.1);
    expect(watched.rentals).toBeLessThanOrEqual(4 + 3 * watched.incidents.length);
  },
  LONGEST_MS,
);
