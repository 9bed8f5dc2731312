import { resolve } from "node:path";
import { survey } from "pulumi-vast/internal/lifecycle/reconcile/survey";
import type { AuditOptions } from "../commands/audit.ts";
import { openSession, type Session } from "../session.ts";
import { EXIT, printJson } from "../terminal.ts";
import { auditAccount } from "./account.ts";
import { resourcesOf } from "./deployment.ts";
import { type AuditFinding, inOrder } from "./finding.ts";
import { auditByPack } from "./pack.ts";
import { markdown, text } from "./report.ts";

/** Changes nothing: asks the service once, reads the state, and judges both. */
export async function audit(options: AuditOptions): Promise<number> {
  const session = await openSession(options);
  const findings = inOrder([...(await byPack(session, options)), ...(await byAccount(session, options))]);
  const stack = session.stack.name;
  if (options.json) printJson({ stack, findings });
  else process.stdout.write(options.markdown ? markdown(stack, findings) : text(stack, findings));
  return findings.some(({ level }) => level === "mandatory") ? EXIT.partial : EXIT.ok;
}

async function byPack({ stack }: Session, { policyPack }: AuditOptions): Promise<AuditFinding[]> {
  const config = Object.fromEntries(
    PACK_CONFIG.flatMap((key) => {
      const value = stack.config(key);
      return value === undefined ? [] : [[key, value]];
    }),
  );
  const name = stack.name.split("/").at(-1) ?? stack.name;
  const folder = resolve(stack.folder, policyPack);
  return auditByPack({ folder, project: stack.project, stack: name, config }, resourcesOf(await stack.deployment()));
}

const PACK_CONFIG = ["pulumi-vast:policies", "pulumi-vast:policyExceptions"];

async function byAccount({ context, stack, clock }: Session, { allow }: AuditOptions): Promise<AuditFinding[]> {
  const { observed, known } = await survey(context, () => stack.knowledge());
  for (const row of observed.rows.values()) clock.observe(row);
  return auditAccount({ observed, known, nowS: clock.nowS(), allowed: new Set(allow) });
}
