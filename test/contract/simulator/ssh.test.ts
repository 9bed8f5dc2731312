import { createHash } from "node:crypto";
import ssh2 from "ssh2";
import { expect, test } from "vitest";
import { type Bench, bench, isRunning } from "./support.ts";

const mine = keyPair();
const stranger = keyPair();

/** Some of the keys ssh2 makes cannot be read back by it. */
function keyPair(): { private: string; public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync("ed25519");
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
}

interface Ran {
  stdout: string;
  stderr: string;
  code: number;
}

function ssh(host: string, port: number, command: string, privateKey = mine.private): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client();
    client.on("error", reject);
    client.on("ready", () => {
      client.exec(command, (error, channel) => {
        if (error) return reject(error);
        const ran = { stdout: "", stderr: "", code: -1 };
        channel.on("data", (data: Buffer) => {
          ran.stdout += data;
        });
        channel.stderr.on("data", (data: Buffer) => {
          ran.stderr += data;
        });
        channel.on("exit", (code: number) => {
          ran.code = code;
        });
        channel.on("close", () => {
          client.end();
          resolve(ran);
        });
      });
    });
    client.connect({ host, port, username: "root", privateKey, readyTimeout: 10_000 });
  });
}

async function reachable(vast: Bench, body: Record<string, unknown> = {}) {
  await vast.call("POST", "/api/v0/ssh/", { ssh_key: mine.public });
  const id = await vast.rent(
    { runtype: "ssh_direct", ...body },
    { num_gpus: { eq: 1 }, direct_port_count: { gte: 20 } },
  );
  const row = await vast.until(id, isRunning);
  const ports = row.ports as Record<string, { HostPort: string }[]>;
  const direct: [string, number] = [String(row.public_ipaddr), Number(ports["22/tcp"]?.[0]?.HostPort)];
  const proxy: [string, number] = [String(row.ssh_host), Number(row.ssh_port)];
  const run = (command: string, privateKey?: string) => ssh(...direct, command, privateKey);
  const write = (path: string, text: string) => vast.admin("POST", `/admin/instances/${id}/write`, { path, text });
  return { id, row, direct, proxy, run, write };
}

test("a running instance answers on its mapped port and through the proxy, to its own keys alone", async () => {
  await using vast = await bench();
  const { id, direct, proxy, run } = await reachable(vast);
  expect(await ssh(...direct, "hostname")).toEqual({ stdout: `C.${id}\n`, stderr: "", code: 0 });
  expect((await ssh(...proxy, "hostname")).stdout).toBe(`C.${id}\n`);
  await expect(run("hostname", stranger.private)).rejects.toThrow(/authentication/i);
});

test("behind jupyter the proxy listens one port higher", async () => {
  await using vast = await bench();
  const { id, proxy } = await reachable(vast, { runtype: "jupyter_direct" });
  expect((await ssh(proxy[0], proxy[1] + 1, "hostname")).stdout).toBe(`C.${id}\n`);
  await expect(ssh(...proxy, "hostname")).rejects.toThrow();
});

test("a stopped instance refuses the connection", async () => {
  await using vast = await bench();
  const { id, direct } = await reachable(vast);
  await vast.call("PUT", `/api/v0/instances/${id}/`, { state: "stopped" });
  await vast.step(15);
  await expect(ssh(...direct, "hostname")).rejects.toThrow(/ECONNREFUSED/);
});

test("files are served from the instance's directory: cat, tail, head, sha256sum, find, du", async () => {
  await using vast = await bench();
  const { run, write } = await reachable(vast);
  const sha = (text: string) => createHash("sha256").update(text).digest("hex");
  await write("/workspace/run/a.txt", "one\ntwo\nthree\n");
  await write("/workspace/run/deep/b with blank.bin", "bytes");
  expect((await run("cat /workspace/run/a.txt")).stdout).toBe("one\ntwo\nthree\n");
  expect((await run("tail -n 1 /workspace/run/a.txt")).stdout).toBe("three\n");
  expect((await run("head -2 /workspace/run/a.txt | grep t")).stdout).toBe("two\n");
  expect((await run("sha256sum /workspace/run/a.txt")).stdout).toBe(
    `${sha("one\ntwo\nthree\n")}  /workspace/run/a.txt\n`,
  );
  const summed = `${sha("one\ntwo\nthree\n")}  ./a.txt\n${sha("bytes")}  ./deep/b with blank.bin\n`;
  expect((await run("cd /workspace/run && find . -type f -print0 | xargs -0 sha256sum")).stdout).toBe(summed);
  expect((await run("cd /workspace/run && find . -type f -exec sha256sum {} +")).stdout).toBe(summed);
  expect((await run("find /workspace/run -type f -printf '%P %s\\n'")).stdout).toBe(
    "a.txt 14\ndeep/b with blank.bin 5\n",
  );
  expect((await run("du -sb /workspace/run/a.txt")).stdout).toBe("14\t/workspace/run/a.txt\n");
  expect((await run("cd /workspace/run && ls")).stdout).toBe("a.txt\ndeep\n");
});

test("missing files and programs answer as a shell does", async () => {
  await using vast = await bench();
  const { run } = await reachable(vast);
  expect(await run("cat /nowhere")).toMatchObject({ code: 1, stderr: "cat: /nowhere: No such file or directory\n" });
  expect(await run("curl http://example.com")).toMatchObject({ code: 127, stderr: "bash: curl: command not found\n" });
  expect((await run("test -f /nowhere || echo missing")).stdout).toBe("missing\n");
  expect((await run("cat /nowhere 2>/dev/null; true")).code).toBe(0);
});

test("health checks see cards, processes, disk and uptime, and their faults", async () => {
  await using vast = await bench();
  const { id, run, row } = await reachable(vast, { env: { VAST_SIM_WORKLOAD: "training" }, disk: 20 });
  await vast.step(600);
  const query = "nvidia-smi --query-gpu=name,utilization.gpu,memory.total --format=csv,noheader,nounits";
  expect((await run(query)).stdout).toMatch(new RegExp(`^${row.gpu_name}, 9\\d, ${row.gpu_ram}\n$`));
  expect((await run("nvidia-smi")).stdout).toContain(String(row.driver_version));
  expect((await run("ps aux")).stdout).toContain("python train.py");
  expect((await run("df -h /")).stdout).toMatch(/overlay\s+19G/);
  expect((await run("uptime")).stdout).toMatch(/up 10 min/);

  await vast.admin("POST", `/admin/instances/${id}/gpu-fault`, { kind: "lost" });
  const broken = await run("nvidia-smi");
  expect(broken.code).toBe(15);
  expect(broken.stdout).toContain("GPU is lost");
});
