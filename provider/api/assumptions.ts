/**
 * Everything the API document marks as unverified or in conflict and that we had to settle, in one place.
 * A reader who learns better changes it here; anything not listed here or documented is an error.
 */

/** vast-api.md 3.5 "Destroy": live answers say `no_such_instance`, the spec says `not_found`. */
export const NOT_FOUND_REASONS: ReadonlySet<string> = new Set([
  "no_such_instance",
  "not_found",
  "no_such_volume",
  "no_such_ssh_key",
  "no_such_user",
  "invalid_id",
]);

/** vast-api.md 3.1: `no_such_ask` comes as code or inside the text, with 400, 404 or 410. */
export const OFFER_GONE = /no_such_ask/;

/** vast-api.md 5.2: five clients saw "Complete", the CLI announces "Finished". */
export const COPY_DONE = /cloud copy operation (complete|finished)/i;

/** vast-api.md 5.2: wording of failures is unverified; clients treat these words as failure. */
export const COPY_FAILED = /\b(copy|sync|rclone)\b.*\b(error|failed|cancell?ed)\b/i;

/** vast-api.md 3.6: a stopped container reports `exited` live and `stopped` in the docs. */
export const STOPPED_STATUSES: ReadonlySet<string> = new Set(["exited", "stopped"]);

/** vast-api.md 3.6: statuses of a container that has not started under us yet. */
export const BEFORE_FIRST_START: ReadonlySet<string | null> = new Set([null, "created", "loading"]);

/** vast-api.md 3.6 "image missing / no access": wrong on every host, so another offer would not help. */
export const IMAGE_ERROR =
  /manifest for .* not found|manifest unknown|pull access denied|unauthorized: authentication required|repository does not exist/i;

/** vast-api.md 3.6 "container cannot be made": the host's fault, another machine may do. */
export const HOST_ERROR =
  /error response from daemon|oci runtime create failed|docker_build\(\)|no such container|unsatisfied condition: cuda/i;

/**
 * vast-api.md 3.5: `execute` runs GNU coreutils on the host; these options are what a listing needs. The blocks (`-s`)
 * add up to each folder's total, which shows a listing that was cut short.
 */
export const LISTING_OPTIONS = "-lsARn --quoting-style=c --time-style=+%s";

/** vast-api.md 3.1: a client found 4048 bytes to be the true limit of `onstart`, the spec says 4096. */
export const ONSTART_LIMIT_BYTES = 4048;

/** vast-api.md 1.6: storage is billed per 720-hour month. */
export const HOURS_PER_MONTH = 720;

/** vast-api.md 9.8: searches beyond 64 rows are in conflict; we never ask for more. */
export const OFFER_SEARCH_LIMIT = 64;

/**
 * vast-api.md 5.4: a job "for it" exists already (422). Taken as one scheduled job per instance and endpoint, so of several
 * folders only the first is backed up on schedule, and an instance's job is found by both (provider/copy-out/schedule.ts).
 */
export const JOB_EXISTS_STATUS = 422;
