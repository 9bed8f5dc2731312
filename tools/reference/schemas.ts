import { z } from "zod";

/** What the reference says of one input. */
export interface InputRow {
  input: string;
  type: string;
  default: string;
  meaning: string;
}

interface JsonSchema {
  type?: string;
  format?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  required?: string[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  maxItems?: number;
}

/** Inputs that a resource's constructor fills in by itself. */
const MADE_BY_RESOURCE = /^made by the resource/;
const SPOKEN_DEFAULT = /[;,]? default: (.+)$/;

/**
 * The inputs of a schema in its order, those of nested objects behind them as `object.input`, except below `apart`, which
 * have a table of their own.
 * @throws Error when an input has no description
 */
export function inputRows(schema: z.ZodObject, apart: readonly string[] = []): InputRow[] {
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
  return rowsOf(json, "", apart);
}

function rowsOf(schema: JsonSchema, prefix: string, apart: readonly string[]): InputRow[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const name = `${prefix}${key}`;
    if (property.description === undefined)
      throw new Error(`input ${name} has no .describe(): say what it means, with its unit`);
    if (MADE_BY_RESOURCE.test(property.description)) return [];
    const spoken = SPOKEN_DEFAULT.exec(property.description)?.[1];
    const row = {
      input: `\`${name}\``,
      type: typeOf(property),
      default: spoken ?? defaultOf(property, schema.required?.includes(key) ?? false),
      meaning: property.description.replace(SPOKEN_DEFAULT, ""),
    };
    return [row, ...(apart.includes(name) ? [] : rowsOf(property, `${name}.`, apart))];
  });
}

function defaultOf(property: JsonSchema, required: boolean): string {
  if (property.default === undefined) return required ? "**required**" : "";
  return isEmpty(property.default) ? "none" : `\`${JSON.stringify(property.default)}\``;
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(", ");
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.format === "date-time") return "ISO time";
  if (schema.type === "array") return `list of ${typeOf(schema.items ?? {})}${bounds({ maximum: schema.maxItems })}`;
  if (schema.type === "integer") return `whole number${bounds(schema)}`;
  if (schema.type === "number") return `number${bounds(schema)}`;
  if (schema.type === "object" && typeof schema.additionalProperties === "object")
    return `names and ${typeOf(schema.additionalProperties)}s`;
  return schema.type === "string" ? "text" : (schema.type ?? "object");
}

function bounds({ minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  if (exclusiveMinimum !== undefined)
    return most === undefined ? ` > ${exclusiveMinimum}` : ` > ${exclusiveMinimum}, ≤ ${most}`;
  if (minimum !== undefined && most !== undefined) return ` ${minimum}–${most}`;
  if (minimum !== undefined) return ` ≥ ${minimum}`;
  return most === undefined ? "" : ` ≤ ${most}`;
}
