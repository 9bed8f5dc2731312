import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

const PROVIDER = join(import.meta.dirname, "../../provider");

export interface MemberRow {
  output: string;
  type: string;
  meaning: string;
}

/**
 * Public members of an interface or class with their doc comments; `except` names those that are for the provider itself.
 * @throws Error when one has no doc comment
 */
export function memberRows(file: string, name: string, except: readonly string[] = []): MemberRow[] {
  const source = parse(file);
  const declaration = source.statements.find(
    (node): node is ts.InterfaceDeclaration | ts.ClassDeclaration =>
      (ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node)) && node.name?.text === name,
  );
  if (!declaration) throw new Error(`provider/${file} has no ${name}`);
  return declaration.members.flatMap((member: ts.Node) => {
    if (!ts.isPropertySignature(member) && !ts.isPropertyDeclaration(member)) return [];
    const output = member.name.getText(source);
    if (except.includes(output) || isStatic(member)) return [];
    const meaning = ts.getTextOfJSDocComment(docOf(member)?.comment);
    if (!meaning)
      throw new Error(`${name}.${output} in provider/${file} has no doc comment: say what it means, with its unit`);
    return [{ output: `\`${output}\``, type: plainType(member.type?.getText(source) ?? ""), meaning }];
  });
}

function docOf(node: ts.Node): ts.JSDoc | undefined {
  return ts.getJSDocCommentsAndTags(node).find(ts.isJSDoc);
}

function isStatic(member: ts.PropertySignature | ts.PropertyDeclaration): boolean {
  return member.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.StaticKeyword) ?? false;
}

function plainType(type: string): string {
  return type.replace(/^pulumi\.Output<(.+)>$/s, "$1").replaceAll(/\s*\|\s*undefined/g, "");
}

export interface ErrorRow {
  code: string;
  when: string;
  "what to do": string;
}

/** Errors that files of the provider raise: code, message with … for what varies, and what the user is told to do. */
export function errorRows(files: readonly string[]): ErrorRow[] {
  const rows = new Map<string, ErrorRow>();
  for (const file of files) {
    const source = parse(file);
    const visit = (node: ts.Node): void => {
      const row =
        ts.isNewExpression(node) && node.expression.getText(source) === "VastError" ? errorRow(node) : undefined;
      if (row) rows.set(row.when, row);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  return [...rows.values()];
}

function errorRow({
  arguments: args = [] as unknown as ts.NodeArray<ts.Expression>,
}: ts.NewExpression): ErrorRow | undefined {
  const [code, message, details] = args;
  const when = message && textOf(message);
  if (!code || !ts.isStringLiteral(code) || !when || /^[…: ]*$/.test(when)) return undefined;
  const fix = details && ts.isObjectLiteralExpression(details) ? details.properties.find(isFix) : undefined;
  return {
    code: `\`${code.text}\``,
    when: when.replace(/^…: /, ""),
    "what to do": (fix && textOf(fix.initializer)) ?? "",
  };
}

function isFix(property: ts.ObjectLiteralElementLike): property is ts.PropertyAssignment {
  return ts.isPropertyAssignment(property) && property.name.getText() === "fix";
}

/** A message without its values: the first line, `…` for each. */
function textOf(node: ts.Expression): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  const text = node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join("");
  return text.split("\n")[0]?.replaceAll(/…+/g, "…");
}

/** The list in a type's doc comment: `name` and what it says. */
export function listedInDoc(file: string, name: string): { name: string; meaning: string }[] {
  const source = parse(file);
  const type = source.statements.find((node) => ts.isTypeAliasDeclaration(node) && node.name.text === name);
  const comment = type && ts.getTextOfJSDocComment(docOf(type)?.comment);
  return [...(comment ?? "").matchAll(/^- (`[\w-]+`): (.+)$/gm)].map(([, item = "", meaning = ""]) => ({
    name: item,
    meaning,
  }));
}

function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, readFileSync(join(PROVIDER, file), "utf8"), ts.ScriptTarget.Latest, true);
}
