import { createHash } from "node:crypto";
import { z } from "zod";
import { type Call, endpoint } from "../http/endpoint.ts";
import { failure, type Reply, success } from "../http/replies.ts";
import { type Column, conditionTest, QueryError, sortedBy } from "../world/query.ts";
import type { Template } from "../world/templates.ts";
import { parseFlags, storedRuntype } from "./create-request.ts";

const Body = z.looseObject({
  name: z.string().min(1),
  image: z.string().min(1),
  tag: z.string().nullish(),
  env: z.string().nullish(),
  onstart: z.string().nullish(),
  // The Terraform provider sends what is not set as an empty text.
  runtype: z.enum(["ssh", "jupyter", "args"]).or(z.literal("")).nullish(),
  ssh_direct: z.boolean().nullish(),
  jup_direct: z.boolean().nullish(),
  args_str: z.string().nullish(),
  recommended_disk_space: z.coerce.number().nullish(),
});
type Body = z.infer<typeof Body>;

const NAMED = ["name", "image", "tag", "env", "onstart", "runtype", "args_str", "hash_id"];

const COLUMNS: Readonly<Record<string, Column<Template>>> = {
  id: { type: "number", get: (t) => t.id },
  hash_id: { type: "string", get: (t) => t.hashId },
  name: { type: "string", get: (t) => t.name },
  image: { type: "string", get: (t) => t.image },
  tag: { type: "string", get: (t) => t.tag },
  creator_id: { type: "number", get: (t) => t.accountId },
  created_at: { type: "number", get: (t) => t.createdAt },
  runtype: { type: "string", get: (t) => t.runtype },
};

function row(template: Template): Record<string, unknown> {
  return {
    recommended_disk_space: 8,
    href: `https://hub.docker.com/r/${template.image}/`,
    repo: template.image,
    ...template.extra,
    id: template.id,
    hash_id: template.hashId,
    creator_id: template.accountId,
    name: template.name,
    image: template.image,
    tag: template.tag,
    env: template.envFlags,
    onstart: template.onstart,
    runtype: template.runtype,
    args_str: template.argsStr,
    created_at: template.createdAt,
  };
}

/** The hash follows the content; an identical template is the same template (vast-api.md 6.6). */
function contentOf(body: Body): Omit<Template, "id" | "accountId" | "createdAt"> {
  const runtype = body.runtype || "args";
  const direct = runtype === "jupyter" ? body.jup_direct : body.ssh_direct;
  const stored = storedRuntype(direct && runtype !== "args" ? `${runtype}_direct` : runtype);
  const extra = Object.fromEntries(Object.entries(body).filter(([key]) => !NAMED.includes(key)));
  const content = {
    name: body.name,
    image: body.image,
    tag: body.tag ?? null,
    env: parseFlags(body.env ?? ""),
    envFlags: body.env ?? "",
    onstart: body.onstart ?? null,
    runtype: typeof stored === "string" ? stored : "args",
    argsStr: body.args_str ?? null,
    diskGb: body.recommended_disk_space ?? null,
    extra,
  };
  return { ...content, hashId: createHash("md5").update(JSON.stringify(content)).digest("hex") };
}

function list(call: Call): Reply {
  try {
    const text = call.query.get("select_filters");
    const filters: unknown = text ? JSON.parse(text) : {};
    if (filters === null || typeof filters !== "object" || Array.isArray(filters)) return BAD_FILTERS;
    const tests = Object.entries(filters).flatMap(([name, condition]) => {
      const column = COLUMNS[name];
      return column ? [conditionTest(name, column, condition)] : [];
    });
    const found = [...call.world.templates.values()]
      .filter((template) => template.accountId === call.account.id || template.extra.private === false)
      .filter((template) => tests.every((test) => test(template)));
    const sorted = sortedBy(found, [{ column: "id", descending: false }], COLUMNS);
    return success({ templates_found: found.length, templates: sorted.map(row) });
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof QueryError) return BAD_FILTERS;
    throw error;
  }
}

const BAD_FILTERS = failure(400, "invalid_request", "Error in query parameters: select_filters");

function read(call: Call): Body | Reply {
  const parsed = Body.safeParse(call.body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  return failure(400, "invalid_args", `Invalid ${issue?.path.join(".")}: ${issue?.message}`);
}

function create(call: Call): Reply {
  const body = read(call);
  if (isReply(body)) return body;
  const content = contentOf(body);
  const same = [...call.world.templates.values()].find(
    (template) => template.hashId === content.hashId && template.accountId === call.account.id,
  );
  const template: Template = same ?? {
    ...content,
    id: call.world.nextNumber("template"),
    accountId: call.account.id,
    createdAt: call.now,
  };
  call.world.templates.set(template.id, template);
  const { id, hashId, name } = template;
  return success({
    msg: `Template Created Successfully! New Template ID: ${id}`,
    template: { id, hash_id: hashId, name },
  });
}

function update(call: Call): Reply {
  const template = [...call.world.templates.values()].find(
    (candidate) => candidate.hashId === call.body.hash_id && candidate.accountId === call.account.id,
  );
  if (!template) return failure(404, "not_found", "Invalid Template ID or User ID");
  const body = read(call);
  if (isReply(body)) return body;
  Object.assign(template, contentOf(body));
  const { id, hashId, name } = template;
  return success({ msg: "Template Updated Successfully!", template: { id, hash_id: hashId, name } });
}

function remove(call: Call): Reply {
  const template = call.world.templates.get(Number(call.body.template_id));
  if (template?.accountId !== call.account.id) return failure(404, "not_found", "Invalid Template ID or User ID");
  call.world.templates.delete(template.id);
  return success({ msg: "Template Deleted Successfully!" });
}

function isReply(value: Body | Reply): value is Reply {
  return typeof (value as Reply).status === "number" && !("image" in value);
}

const PATH = "/api/v0/template/";

export const templateEndpoints = [
  endpoint({
    method: "GET",
    path: PATH,
    chapter: "6.6",
    scope: "user_read",
    limit: { minIntervalS: 3 },
    coverage: "complete for filters on id, hash_id, name, image, tag; other filters are ignored",
    handle: list,
  }),
  endpoint({ method: "POST", path: PATH, chapter: "6.6", scope: "user_write", coverage: "complete", handle: create }),
  endpoint({ method: "PUT", path: PATH, chapter: "6.6", scope: "user_write", coverage: "complete", handle: update }),
  endpoint({ method: "DELETE", path: PATH, chapter: "6.6", scope: "user_write", coverage: "complete", handle: remove }),
];
