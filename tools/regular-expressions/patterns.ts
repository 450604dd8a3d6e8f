import {
  type CallExpression,
  type Expression,
  isBinaryExpression,
  isCallExpression,
  isIdentifier,
  isNewExpression,
  isNoSubstitutionTemplateLiteral,
  isParenthesizedExpression,
  isPropertyAccessExpression,
  isPropertyAssignment,
  isRegularExpressionLiteral,
  isStringLiteral,
  isTemplateExpression,
  isTypeReferenceNode,
  type NewExpression,
  type Node,
  type SourceFile,
  SyntaxKind,
} from "typescript/unstable/ast";
import { API, type Checker, TypeFlags } from "typescript/unstable/sync";

/** A regular expression of the code, or a place that builds one from text that is known only at run time. */
export interface Found {
  /** From the root, with `/`. */
  readonly path: string;
  readonly line: number;
  /** null: what it is made of cannot be read here. */
  readonly pattern: Pattern | null;
}

export interface Pattern {
  readonly source: string;
  readonly flags: string;
}

/**
 * Every regular expression of the files of `root`/tsconfig.json that `isWanted`: literals, `new RegExp` and `RegExp()`
 * of literals, constants and templates of them, strings that `match`, `matchAll` and `search` turn into one, and
 * `pattern` of a JSON schema. The compiler reads the files.
 */
export function findPatterns(root: string, isWanted: (path: string) => boolean): readonly Found[] {
  const config = `${root}/tsconfig.json`;
  const api = new API({ cwd: root });
  try {
    const project = api.updateSnapshot({ openProjects: [config] }).getProject(config);
    if (project === undefined) throw new Error(`${config} cannot be read`);
    const found: Found[] = [];
    for (const name of project.program.getSourceFileNames()) {
      const path = name.startsWith(`${root}/`) ? name.slice(root.length + 1) : null;
      const file = path === null || !isWanted(path) ? undefined : project.program.getSourceFile(name);
      if (path !== null && file !== undefined) found.push(...patternsOf(path, file, project.checker));
    }
    return found;
  } finally {
    api.close();
  }
}

function patternsOf(path: string, file: SourceFile, checker: Checker): readonly Found[] {
  const found: Found[] = [];
  const visit = (node: Node): void => {
    const pattern = patternAt(node, checker);
    if (pattern !== undefined)
      found.push({ path, line: file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1, pattern });
    node.forEachChild(visit);
  };
  file.forEachChild(visit);
  return found;
}

/** undefined where no regular expression begins, null where one that cannot be read does. */
function patternAt(node: Node, checker: Checker): Pattern | null | undefined {
  if (isRegularExpressionLiteral(node)) return fromLiteral(node.text);
  if (isIdentifier(node) && node.text === "RegExp") return isHarmless(node) ? undefined : builtBy(node.parent, checker);
  if (isPropertyAssignment(node) && node.name.getText() === "pattern" && isText(node.initializer, checker))
    return ofText(node.initializer, "", checker);
  if (!isCallExpression(node) || !isPropertyAccessExpression(node.expression)) return undefined;
  const [argument] = node.arguments;
  const { expression: subject, name } = node.expression;
  if (argument === undefined || !["match", "matchAll", "search"].includes(name.text)) return undefined;
  // Other things have a method called search; and a regular expression is found where it is written.
  return isText(subject, checker) && isText(argument, checker) ? ofText(argument, "", checker) : undefined;
}

function fromLiteral(text: string): Pattern {
  const end = text.lastIndexOf("/");
  return { source: text.slice(1, end), flags: text.slice(end + 1) };
}

/** The name of the type, and `x instanceof RegExp`. */
function isHarmless(name: Node): boolean {
  const { parent } = name;
  return (
    isTypeReferenceNode(parent) ||
    (isBinaryExpression(parent) && parent.operatorToken.kind === SyntaxKind.InstanceOfKeyword)
  );
}

/** `new RegExp(text, flags)` or `RegExp(text, flags)`; any other use of the name may build what nobody sees. */
function builtBy(use: Node, checker: Checker): Pattern | null {
  if (!isNewExpression(use) && !isCallExpression(use)) return null;
  const [source, flags] = argumentsOf(use);
  const flagText = flags === undefined ? "" : textOf(flags, checker);
  return source === undefined || flagText === null ? null : ofText(source, flagText, checker);
}

function argumentsOf(use: NewExpression | CallExpression): readonly Expression[] {
  return [...(use.arguments ?? [])];
}

function ofText(node: Expression, flags: string, checker: Checker): Pattern | null {
  const source = textOf(node, checker);
  return source === null ? null : { source, flags };
}

/** The value of an expression that is the same in every run, or null. */
function textOf(node: Node, checker: Checker): string | null {
  if (isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (isParenthesizedExpression(node)) return textOf(node.expression, checker);
  if (isBinaryExpression(node) && node.operatorToken.kind === SyntaxKind.PlusToken)
    return joined([textOf(node.left, checker), textOf(node.right, checker)]);
  if (isTemplateExpression(node))
    return joined([
      node.head.text,
      ...[...node.templateSpans].flatMap(({ expression, literal }) => [textOf(expression, checker), literal.text]),
    ]);
  // A constant's type is its value, also when it is imported.
  const type = checker.getTypeAtLocation(node);
  return type?.isStringLiteralType() === true ? type.value : null;
}

function joined(parts: readonly (string | null)[]): string | null {
  return parts.includes(null) ? null : parts.join("");
}

function isText(node: Node, checker: Checker): boolean {
  const flags = checker.getTypeAtLocation(node)?.flags ?? TypeFlags.None;
  return (flags & (TypeFlags.String | TypeFlags.StringLiteral | TypeFlags.TemplateLiteral)) !== 0;
}
