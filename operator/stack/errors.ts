import { CommandError, ConcurrentUpdateError, StackNotFoundError } from "@pulumi/pulumi/automation/index.js";
import { VastError } from "pulumi-vast/internal/api/errors";

/** Another update of the stack is under way, or was killed and left its lock. Nothing was changed: it can be tried again. */
export class StackBusyError extends VastError {
  constructor(stack: string, cause: unknown) {
    super("blocked", `another update of stack ${stack} is under way, or was killed`, {
      fix: "let it end; if none is running: pulumi cancel. Nothing was changed",
      cause,
    });
  }
}

/** The Automation API throws whole transcripts: what a person needs is the error among them, and what to do. */
export function explain(stack: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof StackNotFoundError)
      throw new VastError("config", `there is no stack "${stack}" in this project's backend`, {
        fix: "pulumi stack ls shows what there is; name one with --stack",
        cause: error,
      });
    if (error instanceof ConcurrentUpdateError) throw new StackBusyError(stack, error);
    if (error instanceof CommandError) throw new VastError("blocked", errorsOf(error.message), { cause: error });
    throw error;
  };
}

function errorsOf(transcript: string): string {
  const lines = transcript.split("\n").map((line) => line.trim());
  const errors = lines.filter((line) => /^(error|warning: .*pending|→)/.test(line));
  return [...new Set(errors)].join("\n") || transcript;
}
