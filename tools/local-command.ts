import { spawnSync } from "node:child_process";
import { accessSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { Command } from "commander";
import { AWS_STAND_IN, localEnv, startLocal } from "./local.ts";
import { connectionKey, type Deployment } from "./stack.ts";

const REPOSITORY = join(import.meta.dirname, "..");
const DATA = join(REPOSITORY, ".local");
/** Named in Pulumi.dev.yaml. The simulator's admin side and IAM take the port after each. */
const VAST_PORT = 7971;
const S3_PORT = 7973;
/** The simulator's admin token of the run under way. */
const TOKEN_FILE = join(DATA, "admin-token");
/** vast:clockScale of Pulumi.dev.yaml. */
const DEV_SPEED = 60;

const options = new Command("npm run local --")
  .description("a simulated Vast.ai and a real S3 server for stack dev, until Ctrl-C; their data stays in .local/")
  .option("--speed <n>", "virtual seconds per second", Number, DEV_SPEED)
  .option("--seed <n>", "seed of the market", "1")
  .option("--credit <usd>", "credit of the simulated account", Number)
  .option("--env", "only print the settings for a plain pulumi, to be evaluated by a shell")
  .option("--connect", "make the cloud connection that the first up asks for, as a person would in the Vast console")
  .parse()
  .opts<{ speed: number; seed: string; credit?: number; env?: boolean; connect?: boolean }>();

if (options.env) printSettings();
else if (options.connect) await connect();
else await serve();

async function serve(): Promise<void> {
  const interrupted = new Promise<"interrupted">((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve("interrupted"));
  });
  const { speed, seed, credit } = options;
  const local = await startLocal({ dir: DATA, seed, speed, credit, vastPort: VAST_PORT, s3Port: S3_PORT });
  writeFileSync(TOKEN_FILE, local.adminToken, { mode: 0o600 });
  selectDevStack(local.env);
  console.log(`Vast.ai   ${local.vastUrl}   (simulated; ${speed} virtual seconds pass in one)`);
  console.log(`its page  ${local.pageUrl}   (market, instances, bill, clock)`);
  console.log(`S3        ${local.s3.url}   (IAM and STS ${local.s3.iamUrl})`);
  console.log("The first up stops at a step for the Vast console; here that is: npm run -s local:connect");
  console.log("The marketplace starts anew each time; buckets and the Pulumi state are kept in .local/.");
  if (speed !== DEV_SPEED) {
    console.log(`\nPulumi.dev.yaml expects speed ${DEV_SPEED}: pulumi config set vast:clockScale ${speed}`);
  }
  console.log(
    '\nIn another shell: eval "$(npm run -s local:env)", or paste these; then pulumi preview, up, destroy.\n',
  );
  printSettings();
  console.log("\nCtrl-C stops both servers.");
  const cause = await Promise.race([interrupted, local.ended]);
  if (cause !== "interrupted") {
    console.error(`A server has ended by itself: see the logs in ${DATA}.`);
    process.exitCode = 1;
  }
  await local.stop();
  // A parsed command line and its handlers keep nothing open, but a piped stdin might.
  process.exit();
}

async function connect(): Promise<void> {
  const env = { ...process.env, ...settings() };
  const args = ["stack", "export", "--show-secrets", "--stack", "dev"];
  const { status, stdout, stderr } = spawnSync("pulumi", args, { cwd: REPOSITORY, env, encoding: "utf8" });
  if (status !== 0) return fail(stderr || "pulumi is not on PATH");
  try {
    const key = connectionKey(JSON.parse(stdout) as Deployment);
    const name = `dev-${key.accessKeyId.slice(-6)}`;
    const answer = await fetch(`${url(VAST_PORT + 1)}/admin/connections`, {
      method: "POST",
      headers: { authorization: `Bearer ${readFileSync(TOKEN_FILE, "utf8")}`, "content-type": "application/json" },
      body: JSON.stringify({ name, ...key, endpoint: url(S3_PORT), region: env.AWS_REGION, forcePathStyle: true }),
    });
    if (!answer.ok) return fail(await answer.text());
    console.log(`Cloud connection "${name}" is made: run the up again, it goes on from there.`);
  } catch (error) {
    fail(`${(error as Error).message} (is npm run local under way?)`);
  }
}

function fail(message: string): void {
  console.error(`error: ${message}`);
  process.exitCode = 1;
}

/** So that the first plain `pulumi` asks nothing. */
function selectDevStack(env: Record<string, string>): void {
  const args = ["stack", "select", "--create", "dev", "--non-interactive"];
  const { status, stderr } = spawnSync("pulumi", args, {
    cwd: REPOSITORY,
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  if (status !== 0) console.error(`Stack dev could not be selected: ${stderr || "pulumi is not on PATH"}`);
}

function url(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function settings(): Record<string, string> {
  return localEnv({ dir: DATA, s3Url: url(S3_PORT), iamUrl: url(S3_PORT + 1) });
}

function printSettings(): void {
  // Only the folders that a plain shell may lack: those in which set-up has put what the engine runs.
  const folders = [AWS_STAND_IN, ...["pulumi", "pulumi-language-nodejs", "node"].flatMap(folderOf)];
  console.log(`export PATH=${[...new Set(folders)].map(quoted).join(":")}:"$PATH"`);
  for (const [name, value] of Object.entries(settings())) console.log(`export ${name}=${quoted(value)}`);
}

function folderOf(program: string): string[] {
  const folder = (process.env.PATH ?? "").split(delimiter).find((candidate) => {
    try {
      accessSync(join(candidate, program));
      return true;
    } catch {
      return false;
    }
  });
  return folder ? [folder] : [];
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
