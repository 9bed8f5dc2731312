import { hostname } from "node:os";
import { CommandError, ConcurrentUpdateError, StackNotFoundError } from "@pulumi/pulumi/automation/index.js";
import { VastError } from "pulumi-vast/internal/api/errors";
import { isRunning } from "../running.ts";

/** Another update of the stack is under way, or was killed and left its lock. Nothing was changed: it can be tried again. */
export class StackBusyError extends VastError {
  /** Every process that holds the stack ran on this machine, and runs no more. */
  readonly isAbandoned: boolean;

  constructor(stack: string, cause: Error) {
    super("blocked", `another update of stack ${stack} is under way, or was killed`, {
      fix: "let it end; if none is running: pulumi cancel. Nothing was changed",
      cause,
    });
    this.isAbandoned = hasAbandonedLocks(cause.message);
  }
}

/** A service's locks end by themselves. */
const LOCK = /(?<where>\S+): created by \S+@(?<host>\S+) \(pid (?<pid>\d+)\)/g;

export function hasAbandonedLocks(message: string): boolean {
  const locks = [...message.matchAll(LOCK)].map(({ groups }) => groups ?? {});
  // In a bucket, the lock may be of another machine that has the same name.
  const isDead = ({ where = "", host, pid }: Record<string, string | undefined>) =>
    where.startsWith("file://") && host === hostname() && !isRunning(Number(pid));
  return locks.length > 0 && locks.every(isDead);
}

/** The Automation API throws whole transcripts: what a person needs is the error among them, and what to do. */
export function explain(stack: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof StackNotFoundError)
      throw new VastError("config", `there is no stack "${stack}" in this project's backend`, {
        fix: "pulumi stack ls shows what there is; name one with --stack",
        cause: error,
      });
    if (/spawn pulumi ENOENT/.test(String(error)))
      throw new VastError("config", "there is no `pulumi` on PATH", {
        fix: "in a checkout, `npm run -s vast-fleet -- …` brings its own; elsewhere: https://www.pulumi.com/docs/install/",
        cause: error,
      });
    if (/PULUMI_ACCESS_TOKEN must be set/.test(String(error)))
      throw new VastError("config", "Pulumi is not logged in, so nobody knows where the states are", {
        fix: 'pulumi login; or for the local servers of `npm run local`: eval "$(npm run -s local:env)"',
        cause: error,
      });
    if (error instanceof ConcurrentUpdateError) throw new StackBusyError(stack, error);
    if (error instanceof CommandError) throw new VastError("blocked", errorsOf(error.message), { cause: error });
    throw error;
  };
}

function errorsOf(transcript: string): string {
  const lines = transcript.split("\n").map((line) => line.trim());
  const errors = lines
    .filter((line) => /^(error|warning: .*pending|→)/.test(line))
    .map((line) => line.replace(/^(error: )+/, ""));
  // What failed says more than that it failed.
  const causes = errors.filter((line) => !/^(update|preview|destroy) failed$/.test(line));
  return [...new Set(causes.length > 0 ? causes : errors)].join("\n") || transcript;
}
