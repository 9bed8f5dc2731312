import { z } from "zod";
import type { Bucket } from "./bucket.ts";

/** Left in the bucket before a copy starts, so that a destroy that was cut short waits for it instead of starting a second one. */
const markerSchema = z.object({
  path: z.string(),
  messageBefore: z.string(),
  startedAt: z.string(),
  done: z.boolean().optional(),
});
export type Marker = z.infer<typeof markerSchema>;

const keyOf = (prefix: string) => `${prefix}/.pulumi-vast/copy.json`;

/** The marker of a copy that is not known to have ended; `corrupt` when one is there that cannot be understood. */
export async function readMarker(bucket: Bucket, prefix: string): Promise<Marker | "corrupt" | undefined> {
  const text = await bucket.readText(keyOf(prefix));
  if (text === undefined) return undefined;
  try {
    const marker = markerSchema.parse(JSON.parse(text));
    return marker.done ? undefined : marker;
  } catch {
    return "corrupt";
  }
}

export async function writeMarker(bucket: Bucket, prefix: string, marker: Marker): Promise<void> {
  await bucket.writeJson(keyOf(prefix), marker);
}

/** Overwritten, not deleted: the caller may list and write, deleting in the bucket is nobody's right here. */
export async function clearMarker(bucket: Bucket, prefix: string): Promise<void> {
  await bucket.writeJson(keyOf(prefix), {
    path: "",
    messageBefore: "",
    startedAt: new Date().toISOString(),
    done: true,
  });
}
