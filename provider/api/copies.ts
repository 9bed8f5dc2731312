import { z } from "zod";
import { endpoint } from "./transport.ts";

/** A cloud account that the user connected in the Vast console (vast-api.md 5.3). */
export const Connection = z.object({ id: z.number().int(), name: z.string(), cloud_type: z.string() });
export type Connection = z.infer<typeof Connection>;

export const listConnections = endpoint({
  method: "GET",
  route: "/api/v0/users/cloud_integrations/",
  path: () => "/api/v0/users/cloud_integrations/",
  reply: z.array(Connection),
  resend: "when-unsure",
});

export interface CloudCopy {
  instanceId: number;
  connectionId: number;
  direction: "Instance To Cloud" | "Cloud To Instance";
  /** Absolute path on the instance. */
  src: string;
  /** `/bucket/prefix`. */
  dst: string;
  /** Of rclone, as the official client offers them: `--update` passes over files that are newer where they go. */
  flags?: readonly string[];
}

/** Also what a scheduled job repeats. */
export function cloudCopyBody(copy: CloudCopy): Record<string, unknown> {
  return {
    instance_id: String(copy.instanceId),
    src: copy.src,
    dst: copy.dst,
    selected: String(copy.connectionId),
    transfer: copy.direction,
    flags: copy.flags ?? [],
  };
}

/** "Started" is all the answer says (vast-api.md 5.2): whether anything was copied must be seen on the other side. */
export const startCloudCopy = endpoint({
  method: "POST",
  route: "/api/v0/commands/rclone/",
  path: (_copy: CloudCopy) => "/api/v0/commands/rclone/",
  body: cloudCopyBody,
  reply: z.object({ success: z.literal(true) }),
  // Copying the same files again changes nothing.
  resend: "when-unsure",
});
