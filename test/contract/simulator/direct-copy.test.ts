import { existsSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Bench, bench, CREATE, isRunning } from "./support.ts";

async function two(vast: Bench) {
  const a = await vast.rent();
  const { machine_id } = await vast.until(a, isRunning);
  const b = await vast.rent({}, { num_gpus: { eq: 1 }, machine_id: { neq: machine_id } });
  await vast.until(b, isRunning);
  const rows = (await vast.admin("GET", "/admin/instances")).body as { id: number; dir: string }[];
  const dir = (id: number): string => rows.find((row) => row.id === id)?.dir ?? "";
  await vast.admin("POST", `/admin/instances/${a}/write`, { path: "/workspace/run/model.pt", text: "weights" });
  const copy = (body: Record<string, unknown>) =>
    vast.call("PUT", "/api/v0/commands/copy_direct/", { client_id: "me", ...body });
  return { a, b, dir, copy };
}

test("a directory is copied between instances; a trailing slash means its content", async () => {
  await using vast = await bench();
  const { a, b, dir, copy } = await two(vast);
  const answer = await copy({
    src_id: `C.${a}`,
    dst_id: `C.${b}`,
    src_path: "/workspace/run",
    dst_path: "/workspace/in",
  });
  expect(answer.body).toEqual({
    success: true,
    msg: "Remote to Remote copy initiated - check instance status bar for progress updates (~30 seconds delayed).",
  });
  await copy({ src_id: a, dst_id: String(b), src_path: "/workspace/run/", dst_path: "/workspace/flat" });
  await vast.step(60);
  expect(readFileSync(join(dir(b), "workspace/in/run/model.pt"), "utf8")).toBe("weights");
  expect(readFileSync(join(dir(b), "workspace/flat/model.pt"), "utf8")).toBe("weights");
  expect((await vast.show(b)).status_msg).toBe("Copy Operation Complete\n");
  expect((await vast.show(b)).inet_down_billed).toBeCloseTo(0.014, 6);
});

test("a cancelled copy leaves nothing; what is not there is refused", async () => {
  await using vast = await bench();
  const { a, b, dir, copy } = await two(vast);
  await copy({ src_id: `C.${a}`, dst_id: `C.${b}`, src_path: "/workspace/run", dst_path: "/workspace/in" });
  const cancelled = await vast.call("DELETE", "/api/v0/commands/copy_direct/", { client_id: "me", dst_id: `C.${b}` });
  expect(cancelled.body).toEqual({ success: true });
  await vast.step(60);
  expect(existsSync(join(dir(b), "workspace/in"))).toBe(false);
  for (const [body, status] of [
    [{ src_id: a, dst_id: b, src_path: "", dst_path: "/x" }, 400],
    [{ src_id: a, dst_id: b, src_path: "/workspace", dst_path: "/root" }, 400],
    [{ src_id: a, dst_id: 1, src_path: "/workspace", dst_path: "/x" }, 404],
    [{ src_id: a, dst_id: "V.1", src_path: "/workspace", dst_path: "/x" }, 404],
  ] as const) {
    expect((await copy(body)).status).toBe(status);
  }
});

test("volumes are copied to and cloned", async () => {
  await using vast = await bench();
  const { a, copy } = await two(vast);
  const ask = (await vast.call("POST", "/api/v0/volumes/search/", {})).body.offers[0].id;
  const rented = await vast.call("PUT", "/api/v0/volumes/", { id: ask, size: 10, name: "keep" });
  await copy({ src_id: `C.${a}`, dst_id: rented.body.volume_name, src_path: "/workspace/run/", dst_path: "/saved" });
  await vast.step(60);
  const clone = await vast.call("POST", "/api/v0/volumes/copy/", {
    src_id: Number(rented.body.volume_name.slice(2)),
    dst_id: ask,
  });
  expect(clone.body.success).toBe(true);
  await vast.step(60);
  const volumes = (await vast.admin("GET", "/admin/volumes")).body as { dir: string }[];
  expect(volumes).toHaveLength(2);
  for (const { dir } of volumes) expect(readFileSync(join(dir, "saved/model.pt"), "utf8")).toBe("weights");
});

test("a volume takes no more than its size", async () => {
  await using vast = await bench();
  const { a, dir, copy } = await two(vast);
  const ask = (await vast.call("POST", "/api/v0/volumes/search/", {})).body.offers[0].id;
  const rented = await vast.call("PUT", "/api/v0/volumes/", { id: ask, size: 1 });
  truncateSync(join(dir(a), "workspace/run/model.pt"), 1.1e9);
  await copy({ src_id: `C.${a}`, dst_id: rented.body.volume_name, src_path: "/workspace/run/", dst_path: "/saved" });
  await vast.step(120);
  expect((await vast.show(a)).status_msg).toMatch(/no space left on device/);
  const [volume] = (await vast.admin("GET", "/admin/volumes")).body as { dir: string }[];
  expect(existsSync(join(volume?.dir ?? "", "saved"))).toBe(false);
});

test("an instance made from a snapshot begins with its files", async () => {
  await using vast = await bench();
  const { a } = await two(vast);
  const login = {
    container_registry: "docker.io",
    personal_repo: "me/repo",
    docker_login_user: "me",
    docker_login_pass: "x",
  };
  expect((await vast.call("POST", `/api/v0/instances/take_snapshot/${a}/`, {})).status).toBe(400);
  const taken = await vast.call("POST", `/api/v0/instances/take_snapshot/${a}/`, { ...login, pause: "true" });
  const image = /me\/repo:instance_\d+_at_\S+/.exec(taken.body.msg)?.[0];
  const id = await vast.rent({ ...CREATE, image });
  await vast.until(id, isRunning);
  const rows = (await vast.admin("GET", "/admin/instances")).body as { id: number; dir: string }[];
  const dir = rows.find((row) => row.id === id)?.dir ?? "";
  expect(readFileSync(join(dir, "workspace/run/model.pt"), "utf8")).toBe("weights");
});
