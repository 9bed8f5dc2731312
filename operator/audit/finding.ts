/** Something that is not as it should be, as a rule of a pack says it or as the account shows it. */
export interface AuditFinding {
  rule: string;
  level: "mandatory" | "advisory";
  /** Resource, contract or volume it is about. */
  subject: string;
  message: string;
}

/** The worst first, then by rule and subject: two runs over the same say the same. */
export function inOrder(findings: readonly AuditFinding[]): AuditFinding[] {
  const key = ({ level, rule, subject }: AuditFinding) => `${level === "mandatory" ? 0 : 1} ${rule} ${subject}`;
  return findings.toSorted((a, b) => key(a).localeCompare(key(b), "en", { numeric: true }));
}
