import { z } from "zod";
import { endpoint } from "./transport.ts";

const HostPort = z.object({ HostIp: z.string(), HostPort: z.string() });

/** The columns of a contract that decisions rest on (vast-api.md 3.4); others pass through unread. */
export const InstanceRow = z.object({
  id: z.number().int(),
  actual_status: z.string().nullable(),
  intended_status: z.string().nullish(),
  cur_state: z.string().nullish(),
  next_state: z.string().nullish(),
  status_msg: z.string().nullish(),
  label: z.string().nullish(),
  machine_id: z.number().int(),
  host_id: z.number().int().nullish(),
  image_uuid: z.string().nullish(),
  image_args: z.array(z.string()).nullish(),
  image_runtype: z.string().nullish(),
  template_hash_id: z.string().nullish(),
  /** As sent: a long script is wrapped. */
  onstart: z.string().nullish(),
  /** Pairs, port flags included: our mark is found here. */
  extra_env: z.array(z.tuple([z.string(), z.string()])),
  ssh_host: z.string().nullish(),
  ssh_port: z.number().nullish(),
  public_ipaddr: z.string().nullish(),
  ports: z.record(z.string(), z.array(HostPort)).nullish(),
  start_date: z.number().nullish(),
  end_date: z.number().nullish(),
  /** Seconds until `end_date`. */
  duration: z.number().nullish(),
  gpu_name: z.string().nullish(),
  num_gpus: z.number().nullish(),
  gpu_ram: z.number().nullish(),
  is_bid: z.boolean(),
  min_bid: z.number().nullish(),
  /** USD/h without disk; for an interruptible instance its bid. */
  dph_base: z.number(),
  /** USD/h, all-in. */
  dph_total: z.number(),
  /** USD/GB per 720-hour month. */
  storage_cost: z.number(),
  inet_up_cost: z.number().nullish(),
  inet_down_cost: z.number().nullish(),
  /** GB rented. */
  disk_space: z.number(),
  reliability2: z.number().nullish(),
  verification: z.string().nullish(),
  cuda_max_good: z.number().nullish(),
  geolocation: z.string().nullish(),
  /** Null until the container first runs; the last values stay when it stops (vast-api.md 3.6). */
  gpu_util: z.number().nullish(),
  gpu_temp: z.number().nullish(),
  mem_usage: z.number().nullish(),
});
export type InstanceRow = z.infer<typeof InstanceRow>;

const success = z.object({ success: z.literal(true) });

export interface RentRequest {
  /** Undefined where the template gives it. */
  image: string | undefined;
  template?: string | undefined;
  args?: readonly string[] | undefined;
  imageLogin?: string | undefined;
  diskGb: number;
  env: Record<string, string>;
  onstart?: string | undefined;
  runtype: string;
  label: string;
  /** USD/h for the whole slice; null rents on demand. */
  bid: number | null;
  state: "running" | "stopped";
  volume?: { id: number; mountPath: string } | undefined;
}

export const rentOffer = endpoint({
  method: "PUT",
  route: "/api/v0/asks/{id}/",
  path: (offerId: number, _request: RentRequest) => `/api/v0/asks/${offerId}/`,
  body: (_offerId, request) => ({
    client_id: "me",
    ...(request.image === undefined ? {} : { image: request.image }),
    ...(request.template === undefined ? {} : { template_hash_id: request.template }),
    ...(request.args === undefined ? {} : { args: request.args }),
    disk: request.diskGb,
    // An absent price after a search for bids rents on demand, silently (vast-api.md 3.1): always said.
    price: request.bid,
    env: request.env,
    runtype: request.runtype,
    label: request.label,
    // Without it a host that cannot start leaves a stopped contract that bills its disk.
    cancel_unavail: true,
    target_state: request.state,
    ...(request.onstart === undefined ? {} : { onstart: request.onstart }),
    ...(request.imageLogin === undefined ? {} : { image_login: request.imageLogin }),
    ...(request.volume === undefined
      ? {}
      : { volume_info: { create_new: false, volume_id: request.volume.id, mount_path: request.volume.mountPath } }),
  }),
  reply: z
    .object({ success: z.literal(true), new_contract: z.coerce.number().int().positive() })
    .transform((r) => r.new_contract),
  // A lost reply may hide a contract that already bills.
  resend: "when-refused",
});

/** `null` also for living machines at times (vast-api.md 3.2): alone it proves nothing. */
export const showInstance = endpoint({
  method: "GET",
  route: "/api/v0/instances/{id}/",
  path: (id: number) => `/api/v0/instances/${id}/?owner=me`,
  reply: z.object({ instances: InstanceRow.nullable() }).transform((reply) => reply.instances),
  resend: "when-unsure",
});

export interface ListPage {
  rows: InstanceRow[];
  nextToken: string | null;
  total: number;
}

/** The token of the page before is asked for when the call leaves, after it has waited for its turn. */
export const listInstances = endpoint({
  method: "GET",
  route: "/api/v1/instances/",
  path: (pageBefore: () => string | null) => {
    const query = new URLSearchParams({ limit: "25", order_by: JSON.stringify([{ col: "id", dir: "asc" }]) });
    const afterToken = pageBefore();
    if (afterToken !== null) query.set("after_token", afterToken);
    return `/api/v1/instances/?${query}`;
  },
  reply: z
    .object({
      success: z.literal(true),
      total_instances: z.number().int().nonnegative(),
      next_token: z.string().nullable(),
      instances: z.array(InstanceRow),
    })
    .transform(
      (reply): ListPage => ({ rows: reply.instances, nextToken: reply.next_token, total: reply.total_instances }),
    ),
  resend: "when-unsure",
});

export const setLabel = endpoint({
  method: "PUT",
  route: "/api/v0/instances/{id}/",
  path: (id: number, _label: string) => `/api/v0/instances/${id}/`,
  body: (_id, label) => ({ label }),
  reply: success,
  resend: "when-unsure",
});

export const setState = endpoint({
  method: "PUT",
  route: "/api/v0/instances/{id}/",
  path: (id: number, _state: "running" | "stopped") => `/api/v0/instances/${id}/`,
  body: (_id, state) => ({ state }),
  reply: success,
  resend: "when-unsure",
});

export const setBid = endpoint({
  method: "PUT",
  route: "/api/v0/instances/bid_price/{id}/",
  path: (id: number, _bid: number) => `/api/v0/instances/bid_price/${id}/`,
  body: (_id, bid) => ({ client_id: "me", price: bid }),
  reply: success,
  resend: "when-unsure",
});

/** Starts the container again; it keeps its GPU and its disk. */
export const rebootInstance = endpoint({
  method: "PUT",
  route: "/api/v0/instances/reboot/{id}/",
  path: (id: number) => `/api/v0/instances/reboot/${id}/`,
  body: () => ({}),
  reply: success,
  resend: "when-unsure",
});

/** What the container is made of; what is undefined stays, or comes from the template. */
export interface ContainerSettings {
  image?: string | undefined;
  template_hash_id?: string | undefined;
  args?: readonly string[] | undefined;
  env: Record<string, string>;
  onstart?: string | undefined;
}

export const updateTemplate = endpoint({
  method: "PUT",
  route: "/api/v0/instances/update_template/{id}/",
  path: (id: number, _settings: ContainerSettings) => `/api/v0/instances/update_template/${id}/`,
  body: (id, settings) => ({ id, ...settings }),
  reply: success,
  resend: "when-unsure",
});

/** Safe to repeat: what is gone already answers not-found. */
export const destroyInstance = endpoint({
  method: "DELETE",
  route: "/api/v0/instances/{id}/",
  // A function says it, or throws, when the call's turn has come.
  path: (id: number | (() => number)) => `/api/v0/instances/${typeof id === "function" ? id() : id}/`,
  body: () => ({}),
  reply: success,
  resend: "when-unsure",
});

/**
 * At most 64 ids a call, as the official client sends them; the answer's details are unverified (vast-api.md 9.1). They are
 * asked for when the call leaves, after it has waited for its turn.
 */
export const destroyInstances = endpoint({
  method: "DELETE",
  route: "/api/v0/instances/",
  path: (_ids: () => readonly number[]) => "/api/v0/instances/",
  body: (ids) => ({ instance_ids: ids() }),
  reply: success,
  resend: "when-unsure",
});

export const execute = endpoint({
  method: "PUT",
  route: "/api/v0/instances/command/{id}/",
  path: (id: number, _command: string) => `/api/v0/instances/command/${id}/`,
  body: (_id, command) => ({ command }),
  reply: z.object({ success: z.literal(true), writeable_path: z.string().nullish(), result_url: z.string() }),
  resend: "when-unsure",
});

export interface LogRequest {
  /** Lines from the end. */
  tail: number;
  /** Only lines with this text. */
  filter?: string | undefined;
  /** Of the host's daemon instead of the container. */
  daemonLogs?: boolean | undefined;
}

export const requestLogs = endpoint({
  method: "PUT",
  route: "/api/v0/instances/request_logs/{id}/",
  path: (id: number, _options: LogRequest) => `/api/v0/instances/request_logs/${id}/`,
  body: (_id, { tail, filter, daemonLogs }) => ({
    tail: String(tail),
    ...(filter === undefined ? {} : { filter }),
    ...(daemonLogs ? { daemon_logs: "true" } : {}),
  }),
  reply: z.object({ success: z.literal(true), result_url: z.string() }).transform((reply) => reply.result_url),
  resend: "when-unsure",
});

export const attachSshKey = endpoint({
  method: "POST",
  route: "/api/v0/instances/{id}/ssh/",
  path: (id: number, _key: string) => `/api/v0/instances/${id}/ssh/`,
  body: (_id, key) => ({ ssh_key: key }),
  reply: success,
  resend: "when-unsure",
});

const SshKey = z.object({ id: z.number().int(), public_key: z.string() });
export type SshKey = z.infer<typeof SshKey>;

/** The list comes as JSON inside a string (vast-api.md 3.5). */
export const listSshKeys = endpoint({
  method: "GET",
  route: "/api/v0/instances/{id}/ssh/",
  path: (id: number) => `/api/v0/instances/${id}/ssh/`,
  reply: z
    .object({ success: z.literal(true), ssh_keys: z.union([z.string(), z.array(SshKey)]) })
    .transform((reply, context) => {
      const keys = typeof reply.ssh_keys === "string" ? parseKeys(reply.ssh_keys) : reply.ssh_keys;
      if (keys !== undefined) return keys;
      context.addIssue({ code: "custom", path: ["ssh_keys"], message: "is no list of keys" });
      return z.NEVER;
    }),
  resend: "when-unsure",
});

function parseKeys(text: string): SshKey[] | undefined {
  try {
    return z.array(SshKey).parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

export const detachSshKey = endpoint({
  method: "DELETE",
  route: "/api/v0/instances/{id}/ssh/{key}/",
  path: (id: number, key: number) => `/api/v0/instances/${id}/ssh/${key}/`,
  reply: success,
  resend: "when-unsure",
});
