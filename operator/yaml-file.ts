import { readFileSync } from "node:fs";
import { VastError } from "pulumi-vast/internal/api/errors";
import { parse } from "yaml";
import { z } from "zod";

/**
 * A YAML file of the project, with `${NAME}` taken from the environment, so that no secret stands in it.
 * @throws VastError naming the file, the key and what is wrong with it
 */
export function readYaml<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  env: NodeJS.ProcessEnv = process.env,
): z.output<Schema> {
  const wrong = (what: string, cause?: unknown) => new VastError("config", `${file}: ${what}`, { cause });
  let content: unknown;
  try {
    content = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw wrong((error as NodeJS.ErrnoException).code === "ENOENT" ? "is not there" : (error as Error).message, error);
  }
  const missing = new Set<string>();
  const filled = fillIn(content, env, missing);
  if (missing.size > 0)
    throw wrong(`uses ${[...missing].map((name) => `\${${name}}`).join(", ")}, which the environment does not have`);
  const parsed = schema.safeParse(filled);
  if (parsed.success) return parsed.data;
  throw wrong(`is not right:\n${z.prettifyError(parsed.error)}`);
}

function fillIn(value: unknown, env: NodeJS.ProcessEnv, missing: Set<string>): unknown {
  if (typeof value === "string")
    return value.replaceAll(/\$\{([A-Za-z_]\w*)\}/g, (_, name: string) => {
      const found = env[name];
      if (found === undefined) missing.add(name);
      return found ?? "";
    });
  if (Array.isArray(value)) return value.map((item) => fillIn(item, env, missing));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fillIn(item, env, missing)]));
}
