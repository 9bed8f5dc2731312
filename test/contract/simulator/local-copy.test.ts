import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { provideRsync } from "../../../tools/setup/rsync.mjs";
import { type Bench, bench, hasExited, isRunning } from "./support.ts";

let whyNone = "";

beforeAll(async () => {
  await provideRsync().catch((error: Error) => {
    if (process.env.CI) throw error;
    whyNone = error.message;
    console.error(`\nCOPIES WITH A LOCAL DISK ARE NOT TESTED: there is no rsync.\n${whyNone}\n`);
  });
}, 300_000);

beforeEach(({ skip }) => skip(whyNone !== "", whyNone));

async function copiesMade(vast: Bench): Promise<unknown[]> {
  const events = (await vast.admin("GET", "/admin/events")).body as { kind: string }[];
  return events.filter((event) => event.kind === "local-copy");
}

/** An instance of an account with a key, a folder of the client's own, and what the official client would run. */
async function scene(vast: Bench, body: Record<string, unknown> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "local-copy-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const keyFile = join(folder, "key");
  spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", keyFile]);
  await vast.call("POST", "/api/v0/ssh/", { ssh_key: readFileSync(`${keyFile}.pub`, "utf8").trim() });
  const id = await vast.rent(body);
  await vast.until(id, isRunning);
  const rows = (await vast.admin("GET", "/admin/instances")).body as { id: number; dir: string }[];
  const dir = rows.find((row) => row.id === id)?.dir ?? "";
  const ask = (body: Record<string, unknown>, route = "copy_direct") =>
    vast.call("PUT", `/api/v0/commands/${route}/`, { client_id: "me", ...body });
  const rsync = (port: number, from: string, to: string, key = keyFile) => {
    const ssh = `ssh -i ${key} -p ${port} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes`;
    return execa("rsync", ["-arz", "-v", "--progress", "-e", ssh, from, to], { reject: false });
  };
  return { id, dir, folder, ask, rsync };
}

test("a folder goes to an instance and comes back, as the official client copies it", async () => {
  await using vast = await bench();
  const { id, dir, folder, ask, rsync } = await scene(vast);
  mkdirSync(join(folder, "data/deep"), { recursive: true });
  writeFileSync(join(folder, "data/a.txt"), "first");
  writeFileSync(join(folder, "data/deep/b.bin"), Buffer.alloc(100_000, 7));
  const into = await ask({
    src_id: "local",
    src_path: `${folder}/data/`,
    dst_id: `C.${id}`,
    dst_path: "/workspace/in",
  });
  expect(into).toMatchObject({ status: 200, body: { success: true, msg: expect.stringContaining("initiated") } });
  const row = await vast.show(id);
  expect(into.body.dst_addr).toBe(row.public_ipaddr);
  expect(into.body.dst_port).toBe(row.machine_dir_ssh_port);
  const sent = await rsync(
    into.body.dst_port,
    `${folder}/data/`,
    `vastai_kaalia@${into.body.dst_addr}::${id}//workspace/in`,
  );
  expect(sent.exitCode, sent.stderr).toBe(0);
  expect(readFileSync(join(dir, "workspace/in/a.txt"), "utf8")).toBe("first");
  expect(readFileSync(join(dir, "workspace/in/deep/b.bin")).length).toBe(100_000);

  const out = await ask({ src_id: `C.${id}`, src_path: "/workspace/in", dst_id: null, dst_path: folder }, "rsync");
  expect(out.body).toMatchObject({ src_addr: row.public_ipaddr, src_port: row.machine_dir_ssh_port });
  const back = await rsync(
    out.body.src_port,
    `vastai_kaalia@${out.body.src_addr}::C.${id}//workspace/in`,
    join(folder, "back"),
  );
  expect(back.exitCode, back.stderr).toBe(0);
  expect(readFileSync(join(folder, "back/in/a.txt"), "utf8")).toBe("first");
  await expect.poll(() => copiesMade(vast)).toMatchObject([{ contract: id, full: false }, { contract: id }]);
  const billed = await vast.show(id);
  expect(Number(billed.inet_down_billed)).toBeGreaterThan(0.1);
  expect(Number(billed.inet_up_billed)).toBeGreaterThan(0.1);
});

test("a stopped instance is copied from; what was asked as a download cannot be written", async () => {
  await using vast = await bench();
  const { id, dir, folder, ask, rsync } = await scene(vast);
  await vast.admin("POST", `/admin/instances/${id}/write`, { path: "/workspace/out.txt", text: "result" });
  await vast.call("PUT", `/api/v0/instances/${id}/`, { state: "stopped" });
  await vast.until(id, hasExited);
  const { src_addr, src_port } = (await ask({ src_id: id, src_path: "/workspace", dst_id: "local", dst_path: folder }))
    .body;
  const remote = `vastai_kaalia@${src_addr}::${id}//workspace`;
  expect((await rsync(src_port, `${remote}/out.txt`, `${folder}/`)).exitCode).toBe(0);
  expect(readFileSync(join(folder, "out.txt"), "utf8")).toBe("result");
  const upload = await rsync(src_port, join(folder, "out.txt"), `${remote}/evil.txt`);
  expect(upload.exitCode).not.toBe(0);
  expect(existsSync(join(dir, "workspace/evil.txt"))).toBe(false);
});

test("nothing outside the disk is read or written, and no other command runs", async () => {
  await using vast = await bench();
  const { id, dir, folder, ask, rsync } = await scene(vast);
  const { dst_addr, dst_port } = (await ask({ src_id: "local", src_path: folder, dst_id: id, dst_path: "/workspace" }))
    .body;
  const remote = `vastai_kaalia@${dst_addr}::${id}`;
  writeFileSync(join(folder, "x.txt"), "x");
  const outside = join(dir, "../../x.txt");
  await rsync(dst_port, join(folder, "x.txt"), `${remote}/../../x.txt`);
  expect(existsSync(outside)).toBe(false);
  const read = await rsync(dst_port, `${remote}/../../../../../../../etc/hostname`, `${folder}/`);
  expect(read.exitCode).not.toBe(0);
  expect(existsSync(join(folder, "hostname"))).toBe(false);

  // A link that the client sends leads nowhere; one that leads out is refused before anything is served.
  symlinkSync("/etc", join(folder, "link"));
  expect((await rsync(dst_port, join(folder, "link"), `${remote}//workspace/`)).exitCode).toBe(0);
  expect(lstatSync(join(dir, "workspace/link")).isSymbolicLink()).toBe(true);
  expect(existsSync(join(dir, "workspace/link/hostname"))).toBe(false);
  symlinkSync("/etc", join(dir, "workspace/planted"));
  const planted = await rsync(dst_port, `${remote}//workspace/planted/hostname`, `${folder}/`);
  expect(planted.exitCode).not.toBe(0);
  expect(planted.stderr).toContain("a link leads out of the disk");

  const { port, host } = { port: dst_port, host: String(dst_addr) };
  const options = ["-i", join(folder, "key"), "-p", String(port), "-o", "StrictHostKeyChecking=no"];
  const others = ["-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", `vastai_kaalia@${host}`, "id"];
  const shell = await execa("ssh", [...options, ...others], { reject: false });
  expect(shell.exitCode).toBe(1);
  expect(shell.stderr).toContain("for copies only");
});

test("a key that is not the account's is turned away, and so is everybody before a copy was asked for", async () => {
  await using vast = await bench();
  const { id, folder, ask, rsync } = await scene(vast);
  spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, "other")]);
  const { src_addr, src_port } = (await ask({ src_id: id, src_path: "/workspace", dst_id: "local", dst_path: folder }))
    .body;
  const denied = await rsync(src_port, `vastai_kaalia@${src_addr}::${id}/`, `${folder}/`, join(folder, "other"));
  expect(denied.stderr).toContain("Permission denied");
});

test("a disk takes no more than its size: the copy fails and leaves no more than fits", async () => {
  await using vast = await bench();
  const { id, dir, folder, ask, rsync } = await scene(vast, { disk: 8 });
  // All but 100 kB of the disk are taken by a file that takes no room here.
  writeFileSync(join(dir, "workspace/big"), "");
  truncateSync(join(dir, "workspace/big"), 8e9 - 100_000);
  const { dst_addr, dst_port } = (
    await ask({ src_id: "local", src_path: folder, dst_id: id, dst_path: "/workspace/in" })
  ).body;
  mkdirSync(join(folder, "many"));
  for (let file = 0; file < 5; file += 1) writeFileSync(join(folder, `many/${file}.bin`), randomBytes(60_000));
  const full = await rsync(dst_port, `${folder}/many/`, `vastai_kaalia@${dst_addr}::${id}//workspace/in`);
  expect(full.exitCode).not.toBe(0);
  expect(full.stderr).toContain("No space left on device");
  await expect.poll(() => copiesMade(vast)).toMatchObject([{ contract: id, full: true }]);
  expect(readdirSync(join(dir, "workspace/in")).length).toBeLessThanOrEqual(1);
});

test("what cannot be copied so is refused: volumes, two local sides, and a simulator without SSH", async () => {
  await using vast = await bench();
  const { id, ask } = await scene(vast);
  for (const [body, status] of [
    [{ src_id: "local", src_path: "/x", dst_id: "local", dst_path: "/y" }, 400],
    [{ src_id: "local", src_path: "/x", dst_id: "V.1", dst_path: "/y" }, 400],
    [{ src_id: "local", src_path: "/x", dst_id: id, dst_path: "/root" }, 400],
    [{ src_id: "local", src_path: "/x", dst_id: 1, dst_path: "/y" }, 404],
  ] as const) {
    expect((await ask(body)).status).toBe(status);
  }
  await using deaf = await bench({ ssh: false });
  const lonely = await deaf.rent();
  const answer = await deaf.call("PUT", "/api/v0/commands/copy_direct/", {
    client_id: "me",
    src_id: lonely,
    src_path: "/workspace",
    dst_id: "local",
    dst_path: "/tmp/x",
  });
  expect(answer).toMatchObject({ status: 501, body: { error: "not_covered", msg: expect.stringContaining("SSH") } });
});
