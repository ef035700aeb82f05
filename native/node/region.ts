/** Finds the end of an entry module's leading imports: where its own work begins. */
import type { AnyNode, Program } from 'acorn';
import { children, type ModuleKind } from './instrument.ts';

/** Packages whose loading takes so long that it must be said when it happens inside the region. */
const HEAVY = /^(?:onnxruntime-(?:node|web)|@huggingface\/transformers|@xenova\/transformers|@tensorflow\/tfjs(?:-node(?:-gpu)?)?|node-llama-cpp|sharp|canvas|opencv4nodejs|@napi-rs\/canvas)(?:\/|$)/;
/** Calls that only set something up. */
const LIGHT_OBJECTS = new Set(['path', 'process', 'url', 'console', 'Object', 'Array', 'Math', 'Number', 'String', 'JSON', 'Symbol', 'env', 'ort', 'dotenv', 'module', 'Module']);
const LIGHT_CALLS = new Set(['require', 'createRequire', 'fileURLToPath', 'pathToFileURL', 'promisify', 'Number', 'String', 'Boolean', 'parseInt', 'parseFloat', 'parseArgs', 'Symbol', 'config', 'join', 'resolve', 'dirname', 'setBackend', 'enableProdMode', '__importDefault', '__importStar', '__toESM', '__export', '__toCommonJS', '__createBinding', '__setModuleDefault']);
const WORK = new Set(['ForStatement', 'ForInStatement', 'ForOfStatement', 'WhileStatement', 'DoWhileStatement', 'NewExpression', 'TaggedTemplateExpression']);

export interface RegionStart {
  /** Index in `program.body` before which the region begins. */
  readonly index: number;
  /** A full sentence when there is something to say. */
  readonly reason: string | null;
}

/**
 * The leading block is the longest start of the module that does no work: imports, `require`, settings, definitions.
 * The region begins after the last import in it. Static imports run before all of it, wherever they stand; what is
 * loaded further down, after work has begun, stays inside the region: leaving work out would be worse.
 */
export function findRegion(program: Program, kind: ModuleKind): RegionStart {
  let index = 0;
  for (const [position, statement] of program.body.entries()) {
    if (!isLight(statement)) break;
    if (imports(statement)) index = position + 1;
  }
  const rest = program.body.slice(index).filter((statement) => statement.type !== 'ImportDeclaration');
  const late = rest.filter((statement) => kind === 'commonjs' && imports(statement)).map(({ start }) => start);
  const heavy = new Set<string>();
  for (const statement of rest) visit(statement, (node) => {
    const name = importedName(node);
    if (name !== null && HEAVY.test(name)) heavy.add(name);
  });
  const sentences: string[] = [];
  if (heavy.size > 0) sentences.push(`The script loads ${[...heavy].sort().join(', ')} after its first work or inside a function, so loading it may be part of the measured region.`);
  else if (late.length > 0) sentences.push('The script loads modules after its first work; that is part of the measured region.');
  return { index, reason: sentences.length === 0 ? null : sentences.join(' ') };
}

function isLight(statement: AnyNode): boolean {
  if (/^(?:Import|Export(?:All|Named))Declaration$/.test(statement.type) && !('declaration' in statement && statement.declaration)) return true;
  if (statement.type === 'FunctionDeclaration' || statement.type === 'ClassDeclaration' || statement.type === 'EmptyStatement') return true;
  let light = true;
  visitHere(statement, (node) => {
    if (WORK.has(node.type)) light = false;
    if (node.type === 'AwaitExpression' && node.argument.type !== 'ImportExpression') light = false;
    if (node.type === 'CallExpression' && !isLightCall(node.callee)) light = false;
  });
  return light;
}

function isLightCall(callee: AnyNode): boolean {
  if (callee.type === 'Identifier') return LIGHT_CALLS.has(callee.name);
  // `require('dotenv').config()`, `path.join(…)`, `(0, x.promisify)(…)`
  if (callee.type === 'SequenceExpression') return callee.expressions.length === 2 && isLightCall(callee.expressions[1] as AnyNode);
  if (callee.type !== 'MemberExpression') return false;
  const property = callee.property.type === 'Identifier' ? callee.property.name : '';
  if (LIGHT_CALLS.has(property)) return true;
  let object: AnyNode = callee.object;
  while (object.type === 'MemberExpression') object = object.object;
  return object.type === 'Identifier' && LIGHT_OBJECTS.has(object.name);
}

/** True for a statement that loads modules when it runs. */
function imports(statement: AnyNode): boolean {
  let found = statement.type === 'ImportDeclaration' || statement.type === 'ExportAllDeclaration';
  visitHere(statement, (node) => {
    if (importedName(node) !== null) found = true;
  });
  return found;
}

/** What `require('x')`, `import('x')` and `import … from 'x'` load; null for anything else. */
function importedName(node: AnyNode): string | null {
  const source = node.type === 'ImportExpression' || node.type === 'ImportDeclaration' ? node.source : node.type === 'CallExpression' && node.callee.type === 'Identifier' && node.callee.name === 'require' ? node.arguments[0] : null;
  if (source === null) return null;
  return source?.type === 'Literal' && typeof source.value === 'string' ? source.value : '';
}

function visit(node: AnyNode, see: (node: AnyNode) => void): void {
  see(node);
  for (const child of children(node)) visit(child, see);
}

/** Without the bodies of functions and classes. */
function visitHere(node: AnyNode, see: (node: AnyNode) => void): void {
  see(node);
  if (node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression' || node.type === 'ArrowFunctionExpression' || node.type === 'ClassBody') return;
  for (const child of children(node)) visitHere(child, see);
}
