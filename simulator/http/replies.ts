/** An answer before it becomes bytes, so that faults can change it. */
export interface Reply {
  status: number;
  /** JSON unless it is text with a type of its own. */
  body: unknown;
  contentType?: string;
}

export function ok(body: unknown): Reply {
  return { status: 200, body };
}

export function success(extra: Record<string, unknown> = {}): Reply {
  return { status: 200, body: { success: true, ...extra } };
}

/** The usual error body (vast-api.md 1.3). */
export function failure(status: number, error: string, msg: string, extra: Record<string, unknown> = {}): Reply {
  return { status, body: { success: false, error, msg, ...extra } };
}

export function text(status: number, body: string, contentType = "text/plain"): Reply {
  return { status, body, contentType };
}

export const INVALID_JSON = failure(400, "invalid_request", "Invalid json body");
export const NO_LOGIN = failure(403, "auth_error", "This action requires login.");
export const BAD_KEY = failure(404, "auth_error", "Invalid user key");
export const DELETED_KEY = failure(401, "auth_error", "Invalid user key");
/** Seen live; the text is only known to contain the three words (vast-api.md 1.3). */
export const NO_SECOND_FACTOR = failure(401, "auth_error", "Two Factor Authentication is required.");
export const SESSION_EXPIRED = failure(404, "auth_error", "Session expired. Please log in again.");
export const SCOPE_DENIED = failure(401, "unauthorized", "This API key does not have permission for this action.");

export function noSuchInstance(id: number | string): Reply {
  return failure(404, "no_such_instance", `Instance ${id} not found.`);
}
