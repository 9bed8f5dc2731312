import { VastError } from "pulumi-vast/internal/api/errors";
import type { Alert } from "./rules.ts";

const ATTEMPTS = 4;
const FIRST_PAUSE_S = 1;
const ANSWER_WITHIN_MS = 10_000;

/**
 * Delivers one alert. Throttled, failing or unreachable receivers are asked again; a refusal is final. The same key comes
 * with every attempt, so that a receiver can tell a repetition.
 * @throws VastError `unreachable` or `refused`; it does not print the address, which may be a secret
 */
export async function deliver(
  webhook: string,
  headers: Readonly<Record<string, string>>,
  alert: Alert,
  sleep: (seconds: number) => Promise<void>,
): Promise<void> {
  const body = JSON.stringify({ text: alert.text, alert: alert.rule, key: alert.key, ...alert.facts });
  let problem = "";
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (attempt > 0) await sleep(FIRST_PAUSE_S * 2 ** (attempt - 1));
    const status = await post(webhook, { ...headers, "idempotency-key": alert.key }, body);
    if (typeof status === "number" && status >= 200 && status < 300) return;
    problem = typeof status === "number" ? `HTTP ${status}` : status;
    const isFinal = typeof status === "number" && status < 500 && status !== 429 && status !== 408;
    if (isFinal) throw new VastError("refused", `the webhook of alert ${alert.rule} refuses it: ${problem}`);
  }
  throw new VastError("unreachable", `the webhook of alert ${alert.rule} does not take it: ${problem}`, {
    fix: "it is delivered at the next check",
  });
}

/** The status, or what kept it from coming. */
async function post(webhook: string, headers: Record<string, string>, body: string): Promise<number | string> {
  try {
    const response = await fetch(webhook, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    await response.body?.cancel();
    return response.status;
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    return cause?.code ?? (error as Error).name;
  }
}
