import { createHash } from "node:crypto";
import { isProps, type Props } from "./wire.ts";

/** aws.iam.getPolicyDocument: statements in the SDK's words become an IAM policy document. Needs no server. */
export function policyDocument(args: Props): Props {
  const version = args.version ?? "2012-10-17";
  const document: Props = { Version: version, Id: args.policyId, Statement: [] };
  const documents = [
    ...list(args.sourceJson ?? []),
    ...list(args.sourcePolicyDocuments ?? []),
    { Statement: list(args.statements ?? []).map((one) => statement(one as Props)) },
    ...list(args.overrideJson ?? []),
    ...list(args.overridePolicyDocuments ?? []),
  ];
  document.Statement = documents.reduce<Props[]>((merged, next) => merge(merged, statementsOf(next)), []);
  const json = JSON.stringify(document, null, 2);
  return {
    ...args,
    version,
    id: createHash("sha256").update(json).digest("hex").slice(0, 10),
    json,
    minifiedJson: JSON.stringify(document),
  };
}

/** A later statement takes the place of an earlier one with the same Sid. */
function merge(earlier: Props[], later: Props[]): Props[] {
  const replaced = new Set(later.map(({ Sid }) => Sid).filter((sid) => sid !== undefined && sid !== ""));
  return [...earlier.filter(({ Sid }) => !replaced.has(Sid)), ...later];
}

function statementsOf(document: unknown): Props[] {
  const parsed = typeof document === "string" ? (JSON.parse(document) as unknown) : document;
  return isProps(parsed) ? (list(parsed.Statement) as Props[]) : [];
}

function statement(given: Props): Props {
  return {
    Sid: given.sid,
    Effect: given.effect ?? "Allow",
    Action: oneOrMany(given.actions),
    NotAction: oneOrMany(given.notActions),
    Resource: oneOrMany(given.resources),
    NotResource: oneOrMany(given.notResources),
    Principal: principals(given.principals),
    NotPrincipal: principals(given.notPrincipals),
    Condition: conditions(given.conditions),
  };
}

function principals(given: unknown): unknown {
  const entries = list(given ?? []) as Props[];
  if (entries.length === 0) return undefined;
  if (entries.some(({ type }) => type === "*")) return "*";
  return Object.fromEntries(entries.map(({ type, identifiers }) => [type, oneOrMany(identifiers)]));
}

function conditions(given: unknown): unknown {
  const entries = list(given ?? []) as Props[];
  if (entries.length === 0) return undefined;
  const byTest: Record<string, Props> = {};
  for (const { test, variable, values } of entries) {
    byTest[String(test)] = { ...byTest[String(test)], [String(variable)]: oneOrMany(values) };
  }
  return byTest;
}

function oneOrMany(values: unknown): unknown {
  const all = list(values ?? []);
  return all.length === 0 ? undefined : all.length === 1 ? all[0] : all;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}
