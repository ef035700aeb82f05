/** Fixes as code actions: those of findings, all safe ones at once, and the setting a benchmark found. */
import type { CodeAction, CodeActionParams, Diagnostic, WorkspaceEdit } from 'vscode-languageserver';
import { CodeActionKind } from 'vscode-languageserver';
import type { LaunchRef } from '../bench/messages.ts';
import { CLIENT_COMMANDS, SERVER_COMMANDS } from '../bench/messages.ts';
import { decidingSetting, scriptWrites } from '../bench/request.ts';
import type { RunState } from '../bench/runState.ts';
import { measuredGain, stepsByHand } from '../bench/toMeasured.ts';
import type { FixIntent, FixProposal } from '../core/finding.ts';
import type { Launch } from '../core/launchGraph.ts';
import type { TextEdit } from '../core/sourceText.ts';
import type { Refusal } from '../core/reader.ts';
import type { Anchor } from '../core/span.ts';
import type { Engine } from '../engine/engine.ts';
import { combineSafeFixes } from '../engine/combineFixes.ts';
import { intersects, toDiagnostic, type DiagnosticAbilities, type Places } from './convert.ts';
import type { ClientDocument } from './notebooks.ts';

export const FIX_ALL = 'source.fixAll.threadgauge';
/** Its findings are about such comments, and their fix removes them. */
const UNUSED_SUPPRESSION = 'unused-suppression';

export interface ActionAbilities extends DiagnosticAbilities {
  /** The client asks for the edit when the action is chosen. */
  readonly resolvesEdit: boolean;
  /** The client shows actions that cannot be used, with the reason. */
  readonly disabled: boolean;
  readonly documentChanges: boolean;
  /** The client is ThreadGauge's own extension and has its commands. */
  readonly ownClient: boolean;
}

/** Names a fix again when its edit is asked for; everything else is recomputed. */
interface ActionData {
  readonly uri: string;
  readonly rule: string;
  readonly message: string;
  readonly title: string;
}

export interface ActionContext {
  readonly engine: Engine;
  readonly places: Places;
  readonly abilities: ActionAbilities;
  /** Finished runs by launch key. */
  readonly results: ReadonlyMap<string, RunState>;
}

/** The actions for a range of a document. */
export function codeActions(params: CodeActionParams, document: ClientDocument, context: ActionContext): CodeAction[] {
  const { only } = params.context;
  const wanted = (kind: string): boolean => only === undefined || only.some((asked) => kind === asked || kind.startsWith(`${asked}.`) || asked === '');
  const actions: CodeAction[] = [];
  if (wanted(CodeActionKind.QuickFix)) actions.push(...quickFixes(params, document, context), ...measuredActions(params, document, context), ...ignoreActions(params, document, context));
  // On save the kind is asked for by name; the light bulb would only be cluttered by it.
  if (only !== undefined && wanted(FIX_ALL)) actions.push(...fixAll(document.file, context));
  return actions;
}

/** Fills in the edit of an action that was listed without one. */
export function resolveAction(action: CodeAction, context: ActionContext): CodeAction {
  const data = action.data as Partial<ActionData> | undefined;
  if (!data?.uri || action.edit) return action;
  const finding = context.engine.findings(data.uri).find(({ rule, message }) => rule === data.rule && message === data.message);
  const fix = finding?.fixes.find(({ title }) => title === data.title);
  if (!fix) return { ...action, disabled: { reason: 'The text has changed since; ask for actions again.' } };
  const edit = protocolEdit(context.engine.materialise(fix), context);
  return 'refused' in edit ? { ...action, disabled: { reason: edit.refused } } : { ...action, edit };
}

function quickFixes(params: CodeActionParams, document: ClientDocument, context: ActionContext): CodeAction[] {
  const { engine, places, abilities } = context;
  const actions = new Map<string, CodeAction>();
  for (const finding of engine.findings(document.file)) {
    if (finding.fixes.length === 0) continue;
    const range = places.anchorIn(document, finding.primary);
    if (!range || !intersects(range, params.range)) continue;
    const diagnostic = toDiagnostic(finding, range, places, abilities);
    // The client's own object is returned where it has one, so that it can match them.
    const diagnostics: Diagnostic[] = params.context.diagnostics.filter((known) => known.code === finding.rule && known.message === finding.message);
    if (diagnostics.length === 0) diagnostics.push(diagnostic);
    for (const fix of finding.fixes) {
      const edit = protocolEdit(engine.materialise(fix), context);
      if ('refused' in edit && !abilities.disabled) continue;
      const key = `${fix.title}\0${'refused' in edit ? '' : JSON.stringify(edit)}`;
      const known = actions.get(key);
      if (known) {
        // One edit that settles several findings is one action.
        known.diagnostics = [...(known.diagnostics ?? []), ...diagnostics];
        continue;
      }
      const data: ActionData = { uri: document.file, rule: finding.rule, message: finding.message, title: fix.title };
      actions.set(key, {
        title: fix.title,
        kind: CodeActionKind.QuickFix,
        diagnostics,
        ...(fix.preferred && !('refused' in edit) ? { isPreferred: true } : {}),
        ...('refused' in edit ? { disabled: { reason: edit.refused } } : abilities.resolvesEdit ? { data } : { edit }),
      });
    }
  }
  return [...actions.values()];
}

/** A comment that silences a finding, for those who know better; the last thing offered. */
function ignoreActions(params: CodeActionParams, document: ClientDocument, context: ActionContext): CodeAction[] {
  const { engine, places, abilities } = context;
  const actions = new Map<string, CodeAction>();
  for (const finding of engine.findings(document.file)) {
    const range = finding.rule === UNUSED_SUPPRESSION ? null : places.anchorIn(document, finding.primary);
    if (!range || !intersects(range, params.range)) continue;
    const title = `Ignore ${finding.rule} here`;
    const known = params.context.diagnostics.filter((diagnostic) => diagnostic.code === finding.rule && diagnostic.message === finding.message);
    const diagnostics = known.length > 0 ? known : [toDiagnostic(finding, range, places, abilities)];
    const other = actions.get(`${title} ${range.start.line}`);
    if (other) {
      // One comment silences every finding of the rule on its line.
      other.diagnostics = [...(other.diagnostics ?? []), ...diagnostics];
      continue;
    }
    const edit = protocolEdit(engine.ignore(finding), context);
    if ('refused' in edit && !abilities.disabled) continue;
    actions.set(`${title} ${range.start.line}`, { title, kind: CodeActionKind.QuickFix, diagnostics, ...('refused' in edit ? { disabled: { reason: edit.refused } } : { edit }) });
  }
  return [...actions.values()];
}

function fixAll(file: string, context: ActionContext): CodeAction[] {
  const { edits, applied } = combineSafeFixes(context.engine.findings(file), (fix) => context.engine.materialise(fix));
  if (applied.length === 0) return [];
  const edit = protocolEdit(edits, context);
  return 'refused' in edit ? [] : [{ title: `Fix all safe ThreadGauge findings (${applied.length})`, kind: FIX_ALL, edit }];
}

/** On a measured launch and on the setting it found wanting: the better value, and measuring again. */
function measuredActions(params: CodeActionParams, document: ClientDocument, context: ActionContext): CodeAction[] {
  const { engine, places, abilities, results } = context;
  const actions: CodeAction[] = [];
  for (const plan of engine.plans(document.file)) {
    const { launch } = plan;
    const state = results.get(launch.key);
    const gain = state && measuredGain(state);
    if (!gain) continue;
    const deciding = decidingSetting(plan, engine.graph());
    const byScript = gain.best.pin_env === true || deciding?.fact.operation === 'default';
    const written = byScript ? scriptWrites(plan, engine.graph()).filter(({ fact }) => fact.name in gain.best.env) : [];
    const deciders: Anchor[] = [launch.anchor, ...(deciding ? [deciding.anchor] : []), ...written.map(({ uri: file, fact }) => ({ uri: file, span: fact.span }))];
    const touched = deciders.some((anchor) => {
      const range = places.anchorIn(document, anchor);
      return range !== null && intersects(range, params.range);
    });
    if (!touched) continue;
    const argument = gain.best.torch_num_threads ?? gain.best.ort_intra_op_threads;
    const calls: FixIntent[] = argument != null && deciding?.fact.valueSpan ? [{ kind: 'replace', anchor: { uri: deciding.anchor.uri, span: deciding.fact.valueSpan }, text: String(argument) }] : [];
    const intents = [...calls, ...Object.entries(gain.best.env).flatMap(([name, value]) => whereSet(name, value, launch, written))];
    const byHand = stepsByHand(gain.best);
    // A script that removes the variable has no value to replace.
    if (intents.length === 0 && byHand === null) continue;
    const fix: FixProposal = { title: `Set ${gain.best.label}: ${gain.proof}`, safety: 'review', preferred: false, intents };
    const edit = byHand === null ? protocolEdit(engine.materialise(fix), context) : { refused: byHand };
    if (!('refused' in edit)) actions.push({ title: fix.title, kind: CodeActionKind.QuickFix, edit });
    else if (abilities.disabled) actions.push({ title: fix.title, kind: CodeActionKind.QuickFix, disabled: { reason: edit.refused } });
    const title = `Verify ${gain.best.label}: measure it again against ${gain.old.label}`;
    const ref: LaunchRef = { uri: places.clientUri(launch.uri), launchId: launch.id };
    const command = abilities.ownClient ? { command: CLIENT_COMMANDS.verifyBenchmark, arguments: [ref] } : { command: SERVER_COMMANDS.bench, arguments: [{ ...ref, mode: 'verify' }] };
    actions.push({ title, kind: CodeActionKind.QuickFix, command: { title, ...command } });
  }
  return actions;
}

/** The script's own statements, where they decide; else the launch. */
function whereSet(name: string, value: string | null, launch: Launch, written: ReturnType<typeof scriptWrites>): readonly FixIntent[] {
  const own = written.filter(({ fact }) => fact.name === name);
  if (own.length === 0) return [{ kind: 'setEnvironment', uri: launch.uri, launchId: launch.id, name, value }];
  return own.flatMap(({ uri, fact }): readonly FixIntent[] => {
    if (fact.valueSpan === null || value === null) return [];
    const quote = /^["']/.exec(fact.raw ?? '')?.[0] ?? '"';
    return [{ kind: 'replace', anchor: { uri, span: fact.valueSpan }, text: `${quote}${value}${quote}` }];
  });
}

/** Edits as the client takes them. */
function protocolEdit(edits: ReadonlyMap<string, readonly TextEdit[]> | Refusal, { places, abilities }: ActionContext): WorkspaceEdit | Refusal {
  if (isRefusal(edits)) return edits;
  return places.workspaceEdit(edits, abilities.documentChanges) ?? { refused: 'The change lies outside of the cells of the notebook.' };
}

function isRefusal(edits: ReadonlyMap<string, readonly TextEdit[]> | Refusal): edits is Refusal {
  return 'refused' in edits;
}
