/** Puts an environment variable into a launch configuration, or takes it out, and leaves every other byte alone. */
import { createScanner, type Node } from 'jsonc-parser';
import type { PlaceIntent, Refusal } from '../../core/reader.ts';
import { applyEdits, type TextEdit } from '../../core/sourceText.ts';
import type { TextRange } from '../../core/span.ts';
import { indentationAt, lineBreakOf, lineEndAt, lineStartAt, nextLineAt, startsLine } from '../../core/textLines.ts';
import { arrayItems, keyOf, parseLaunchJson, propertiesOf, propertyList, valueOf, type ConfigurationNode } from './configurations.ts';

/** Edits that make `intent.name` hold `intent.value` in the configuration `intent.launchId`; null takes it away. */
export function placeLaunchJson(intent: PlaceIntent, text: string): readonly TextEdit[] | Refusal {
  let edits: readonly TextEdit[] | Refusal;
  try {
    edits = editsFor(intent, text);
    if ('refused' in edits) return edits;
    const result = applyEdits(text, edits);
    const now = find(result, intent.launchId);
    if (now && current(now, intent.name) === intent.value && parseLaunchJson(result).errors.length <= parseLaunchJson(text).errors.length) return edits;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return { refused: 'The JSON around this configuration is broken; mend it first.' };
}

function editsFor({ launchId, name, value }: PlaceIntent, text: string): readonly TextEdit[] | Refusal {
  const configuration = find(text, launchId);
  if (!configuration) return { refused: `The configuration "${launchId}" is not in this file any more.` };
  if (text[configuration.node.offset + configuration.node.length - 1] !== '}') return { refused: 'The JSON around this configuration is broken; mend it first.' };
  const env = configuration.properties.get('env');
  const object = valueOf(env);
  const list = arrayItems(valueOf(configuration.properties.get('environment')));
  if (!object && list.length > 0) return placeInList(text, list, name, value);
  if (value === null) {
    if (object?.type !== 'object') return [];
    return removeVariable(text, configuration, env, object, name);
  }
  if (object?.type === 'object') {
    const same = propertyList(object).findLast((property) => keyOf(property) === name);
    if (!same) return insertProperty(text, object, propertyList(object).at(-1), `${JSON.stringify(name)}: ${JSON.stringify(value)}`);
    const old = valueOf(same);
    if (old) return old.value === value ? [] : [{ start: old.offset, end: old.offset + old.length, newText: JSON.stringify(value) }];
    return { refused: `"${name}" has no value here; mend it first.` };
  }
  if (env) {
    if (object?.type !== 'null') return { refused: '"env" of this configuration is not an object.' };
    return [{ start: object.offset, end: object.offset + object.length, newText: `{ ${JSON.stringify(name)}: ${JSON.stringify(value)} }` }];
  }
  const own = propertiesOf(configuration.node);
  const after = own.get('program') ?? own.get('module') ?? propertyList(configuration.node).at(-1);
  return insertProperty(text, configuration.node, after, newEnvironment(text, after ?? configuration.node, name, value));
}

/** `"env": {…}` on one line where the file writes its environments so, else on three. */
function newEnvironment(text: string, beside: Node, name: string, value: string): string {
  const entry = `${JSON.stringify(name)}: ${JSON.stringify(value)}`;
  const environments = parseLaunchJson(text).configurations.flatMap((c) => valueOf(c.properties.get('env')) ?? []);
  const oneLine = environments.length > 0 && environments.every((node) => !/[\r\n]/.test(text.slice(node.offset, node.offset + node.length)));
  if (oneLine || !startsLine(text, beside.offset)) return `"env": { ${entry} }`;
  const lineBreak = lineBreakOf(text);
  const indentation = indentationAt(text, beside.offset);
  return `"env": {${lineBreak}${indentation}${indentUnit(text)}${entry}${lineBreak}${indentation}}`;
}

function insertProperty(text: string, object: Node, after: Node | undefined, property: string): TextEdit[] {
  const lineBreak = lineBreakOf(text);
  if (!after) {
    const close = object.offset + object.length - 1;
    const inside = text.slice(object.offset + 1, close);
    if (inside.trim() === '' && !/[\r\n]/.test(inside)) return [{ start: object.offset + 1, end: close, newText: ` ${property} ` }];
    // A comment or a line break is in there: a line of its own above the brace keeps both.
    const indentation = indentationAt(text, close);
    if (startsLine(text, close)) {
      const at = lineStartAt(text, close);
      return [{ start: at, end: at, newText: `${indentation}${indentUnit(text)}${property}${lineBreak}` }];
    }
    return [{ start: close, end: close, newText: `${property} ` }];
  }
  const end = after.offset + after.length;
  const comma = commaAfter(text, end);
  const from = comma === null ? end : comma + 1;
  const lineEnd = lineEndAt(text, from);
  const alone = onlyComments(text.slice(from, lineEnd));
  if (!alone || !startsLine(text, after.offset)) return [{ start: end, end, newText: `, ${property}` }];
  const insertion = `${lineBreak}${indentationAt(text, after.offset)}${property}`;
  if (comma !== null) return [{ start: lineEnd, end: lineEnd, newText: `${insertion},` }];
  if (lineEnd === end) return [{ start: end, end, newText: `,${insertion}` }];
  return [
    { start: end, end, newText: ',' },
    { start: lineEnd, end: lineEnd, newText: insertion },
  ];
}

function removeVariable(text: string, configuration: ConfigurationNode, env: Node | undefined, object: Node, name: string): TextEdit[] {
  const properties = propertyList(object);
  const going = properties.filter((property) => keyOf(property) === name);
  if (going.length === 0) return [];
  const inLinuxBlock = env !== propertiesOf(configuration.node).get('env');
  const onlyVariables = properties.length === going.length && object.children?.length === going.length;
  // An `env` of a `linux` block still hides the one outside when it is empty, so it has to stay.
  if (onlyVariables && env && !inLinuxBlock && !hasComment(text, object)) return removeItems(text, propertyList(configuration.node), [env]);
  return removeItems(text, properties, going);
}

function placeInList(text: string, list: readonly Node[], name: string, value: string | null): readonly TextEdit[] | Refusal {
  const same = list.filter((item) => valueOf(propertiesOf(item).get('name'))?.value === name);
  if (value === null) return removeItems(text, list, same);
  const last = same.at(-1);
  const old = last && valueOf(propertiesOf(last).get('value'));
  if (old) return [{ start: old.offset, end: old.offset + old.length, newText: JSON.stringify(value) }];
  const end = list.at(-1);
  if (last || !end) return { refused: `"${name}" has no value here; mend it first.` };
  return insertProperty(text, end, end, `{ "name": ${JSON.stringify(name)}, "value": ${JSON.stringify(value)} }`);
}

/** Edits that remove the property or list item that starts and ends where `range` does. */
export function removeAt(range: TextRange, text: string): readonly TextEdit[] | Refusal {
  const broken = { refused: 'The JSON around this entry is broken; mend it first.' };
  try {
    const tree = parseLaunchJson(text);
    const owner = tree.root && ownerOf(tree.root, range);
    const item = owner?.children?.find((child) => child.offset === range.start && child.offset + child.length === range.end);
    if (!owner?.children || !item) return broken;
    const edits = removeItems(text, owner.children, [item]);
    return parseLaunchJson(applyEdits(text, edits)).errors.length <= tree.errors.length ? edits : broken;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return broken;
  }
}

/** The object or array that has a child at exactly this range. */
function ownerOf(node: Node, range: TextRange): Node | undefined {
  for (const child of node.children ?? []) {
    if (child.offset > range.start || child.offset + child.length < range.end) continue;
    const exact = child.offset === range.start && child.offset + child.length === range.end;
    return exact && node.type !== 'property' ? node : ownerOf(child, range);
  }
  return undefined;
}

/** Removes items of an object or array with their commas, and whole lines where nothing else stands on them. */
function removeItems(text: string, all: readonly Node[], going: readonly Node[]): TextEdit[] {
  const edits: TextEdit[] = [];
  const staying = all.filter((node) => !going.includes(node));
  const lastStaying = staying.at(-1);
  for (const node of going) {
    const end = node.offset + node.length;
    const comma = commaAfter(text, end);
    let to = comma === null ? end : comma + 1;
    let from = node.offset;
    const lineEnd = lineEndAt(text, to);
    if (startsLine(text, from) && onlyComments(text.slice(to, lineEnd))) {
      from = lineStartAt(text, from);
      to = nextLineAt(text, lineEnd);
    } else if (comma !== null) {
      while (text[to] === ' ' || text[to] === '\t') to++;
    } else {
      while (text[from - 1] === ' ' || text[from - 1] === '\t') from--;
    }
    edits.push({ start: from, end: to, newText: '' });
  }
  // What is now the last item must not keep a comma that it had only because of the ones behind it.
  const tail = going.at(-1);
  if (lastStaying && tail && tail === all.at(-1) && commaAfter(text, tail.offset + tail.length) === null) {
    const comma = commaAfter(text, lastStaying.offset + lastStaying.length);
    if (comma !== null) edits.push({ start: comma, end: comma + 1, newText: '' });
  }
  return joinTouching(edits);
}

// Items that stood side by side give edits that touch or overlap in the blanks between them.
function joinTouching(edits: readonly TextEdit[]): TextEdit[] {
  const result: TextEdit[] = [];
  for (const edit of [...edits].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last && edit.start <= last.end) result[result.length - 1] = { start: last.start, end: Math.max(last.end, edit.end), newText: '' };
    else result.push(edit);
  }
  return result;
}

function find(text: string, launchId: string): ConfigurationNode | undefined {
  return parseLaunchJson(text).configurations.find((configuration) => configuration.id === launchId);
}

/** What the variable holds in a configuration: null when it is not set. */
function current(configuration: ConfigurationNode, name: string): string | null | undefined {
  const object = valueOf(configuration.properties.get('env'));
  const inList = arrayItems(valueOf(configuration.properties.get('environment'))).findLast((item) => valueOf(propertiesOf(item).get('name'))?.value === name);
  const node = valueOf(propertiesOf(object).get(name)) ?? (object ? undefined : valueOf(propertiesOf(inList).get('value')));
  if (!node) return null;
  return typeof node.value === 'string' ? node.value : undefined;
}

/** Offset of the comma that follows `end`, past blanks and comments; null when something else follows. */
function commaAfter(text: string, end: number): number | null {
  const scanner = createScanner(text, true);
  scanner.setPosition(end);
  scanner.scan();
  return text[scanner.getTokenOffset()] === ',' && scanner.getTokenLength() === 1 ? scanner.getTokenOffset() : null;
}

function onlyComments(rest: string): boolean {
  return /^[ \t]*(?:\/\*(?:[^*]|\*(?!\/))*\*\/[ \t]*)*(?:\/\/.*)?$/.test(rest);
}

function hasComment(text: string, node: Node): boolean {
  return parseLaunchJson(text).comments.some((comment) => comment.start > node.offset && comment.end < node.offset + node.length);
}

/** One step of indentation: the difference between the first two levels of the file, two blanks when there are none. */
function indentUnit(text: string): string {
  const match = /^[\uFEFF]?\s*\{[^\S\r\n]*(?:\/\/[^\r\n]*)?(?:\r\n|\r|\n)\s*?([ \t]+)\S/.exec(text);
  return match?.[1] ?? '  ';
}
