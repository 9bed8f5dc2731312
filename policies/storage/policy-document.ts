import { z } from "zod";

const oneOrMore = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());

const statementSchema = z.object({
  Effect: z.enum(["Allow", "Deny"]),
  Action: oneOrMore.optional(),
  NotAction: oneOrMore.optional(),
  Resource: oneOrMore.optional(),
  NotResource: oneOrMore.optional(),
  Principal: z.unknown().optional(),
  Condition: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
});
export type Statement = z.output<typeof statementSchema>;

const documentSchema = z.object({
  Statement: z.union([statementSchema.transform((one) => [one]), z.array(statementSchema)]),
});

/**
 * The statements of an AWS policy document, given as JSON or as an object.
 * @throws Error when it is none: what cannot be read cannot pass
 */
export function statementsOf(policy: unknown): Statement[] {
  const document = typeof policy === "string" ? parseJson(policy) : plain(policy);
  const parsed = documentSchema.safeParse(document);
  if (parsed.success) return parsed.data.Statement;
  const error = new Error(`a policy document of this stack cannot be read:\n${z.prettifyError(parsed.error)}`);
  error.stack = error.message;
  throw error;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No document, which is for the schema to say.
  }
}

/** Walks all of it, so that a part that a preview does not know is noticed here. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
