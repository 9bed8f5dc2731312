import { open } from "node:fs/promises";

const PINO_ERROR = 50;

/** Lines of the simulator's log that no run should have: an event or a request that failed inside it. */
export async function errorsIn(log: string): Promise<string[]> {
  const errors: string[] = [];
  const file = await open(log);
  for await (const line of file.readLines()) {
    if (Number(/"level":(\d+)/.exec(line)?.[1]) >= PINO_ERROR) errors.push(line);
  }
  return errors;
}
