import { createHash } from "node:crypto";
import { z } from "zod";
import type { DiskListing } from "./listing.ts";
import type { Shell } from "./ssh.ts";
import { blocked, recordKey, type Subject } from "./subject.ts";

const LAST_LINES = 8;

/** @throws VastError with the command's last lines, unless it ends with exit code 0 */
export async function runVerifyCommand(subject: Subject, shell: Shell, command: string): Promise<void> {
  subject.context.log(`${subject.name}: running the verify command on contract ${subject.id}`);
  const { output, exitCode } = await shell.run(command, subject.copyOut.timeout);
  if (exitCode === 0) return;
  const last = output.trimEnd().split("\n").slice(-LAST_LINES);
  throw blocked(
    subject,
    `the verify command ended with exit code ${exitCode}: ${command}${last.map((line) => `\n    ${line.slice(0, 300)}`).join("")}`,
    "look at what it says about the results; once they are right, run the same command again",
  );
}

/** That a command passed, and on which files: a stopped instance cannot be asked again. */
const passSchema = z.object({ command: z.string(), passedAt: z.string(), files: z.string() });

/** Kept once the instance has stopped: what the command said holds as long as nothing is written any more. */
export async function keepPass(subject: Subject, listings: readonly DiskListing[], passedAt: string): Promise<void> {
  const pass = { command: subject.copyOut.verifyCommand, passedAt, files: fingerprint(listings) };
  await subject.bucket.writeJson(recordKey(subject, "verify-command"), pass);
}

/** @throws VastError unless an earlier run saw the same command pass on these very files */
export async function assertPassed(subject: Subject, listings: readonly DiskListing[]): Promise<void> {
  const text = await subject.bucket.readText(recordKey(subject, "verify-command"));
  const pass = passSchema.safeParse(parseJson(text));
  if (pass.success && pass.data.command === subject.copyOut.verifyCommand && pass.data.files === fingerprint(listings))
    return;
  throw blocked(
    subject,
    "`verifyCommand` is asked for and the instance does not run, so it cannot be run, and no earlier run saw it pass on these files",
    'start it (`pulumi up` with state "running") and run the same command again; or take `verifyCommand` out and run `pulumi up` first',
  );
}

function fingerprint(listings: readonly DiskListing[]): string {
  const files = listings.flatMap(({ root, files: found }) =>
    found.map(({ path, sizeBytes, mtimeS }) => [root, path, sizeBytes, mtimeS]),
  );
  return createHash("sha256").update(JSON.stringify(files)).digest("hex");
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    return undefined;
  }
}
