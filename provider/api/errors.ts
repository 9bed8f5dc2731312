/**
 * What went wrong, in the terms that decide what to do next. Callers branch on `code`, never on text.
 *
 * - `auth`: the key is missing, wrong, revoked or not allowed. Never evidence that a machine is gone.
 * - `rate-limit`: still throttled after every retry.
 * - `not-found`: the service says with a not-found code that the object does not exist or is not ours.
 * - `offer-gone`: the offer was taken meanwhile (`no_such_ask`, whatever the status).
 * - `refused`: the service understood and said no.
 * - `unexpected`: an answer of another shape than the documented ones.
 * - `unreachable`: no connection, so the request had no effect.
 * - `unsure`: the request may have had its effect although no answer came.
 * - `config`: the user's configuration or program is wrong; nothing was asked of the service.
 * - `blocked`: we stopped on purpose, to keep a machine or a state.
 */
export type VastErrorCode =
  | "auth"
  | "rate-limit"
  | "not-found"
  | "offer-gone"
  | "refused"
  | "unexpected"
  | "unreachable"
  | "unsure"
  | "config"
  | "blocked";

export interface VastErrorDetails {
  /** Method and path template, e.g. `PUT /api/v0/asks/{id}/`. */
  endpoint?: string;
  status?: number;
  /** The service's own short code, e.g. `no_such_instance`. */
  reason?: string;
  /** A failed create may still have left a contract that bills (vast-api.md 3.1). */
  contractId?: number;
  /** What the user can do about it. */
  fix?: string;
  cause?: unknown;
}

export class VastError extends Error {
  readonly code: VastErrorCode;
  readonly endpoint: string | undefined;
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly contractId: number | undefined;

  constructor(code: VastErrorCode, message: string, details: VastErrorDetails = {}) {
    const where = details.endpoint ? ` (${details.endpoint}${details.status ? `, HTTP ${details.status}` : ""})` : "";
    super(`${message}${where}${details.fix ? `\n  → ${details.fix}` : ""}`, { cause: details.cause });
    this.name = "VastError";
    this.code = code;
    this.endpoint = details.endpoint;
    this.status = details.status;
    this.reason = details.reason;
    this.contractId = details.contractId;
    // The dynamic host prints `${error}: ${error.stack}`: the message once is what a person needs, no call stack.
    this.stack = this.message;
  }

  override toString(): string {
    return "pulumi-vast";
  }
}

export function isVastError(error: unknown, ...codes: VastErrorCode[]): error is VastError {
  return error instanceof VastError && (codes.length === 0 || codes.includes(error.code));
}
