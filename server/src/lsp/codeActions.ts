/** Fixes as code actions: those of findings, all safe ones at once, and the setting a benchmark found. */
import type { CodeAction, CodeActionParams, Diagnostic } from 'vscode-languageserver';
import { CodeActionKind } from 'vscode-languageserver';
import type { LaunchRef } from '../bench/messages.ts';
import { CLIENT_COMMANDS, SERVER_COMMANDS } from '../bench/messages.ts';
import { decidingSetting, scriptWrites } from '../bench/request.ts';
import type { RunState } from '../bench/runState.ts';
import { measuredGain } from '../bench/toMeasured.ts';
import type { FixIntent, FixProposal } from '../core/finding.ts';
import type { Launch } from '../core/launchGraph.ts';
import type { TextEdit } from '../core/sourceText.ts';
import type { Anchor } from '../core/span.ts';
import type { Engine } from '../engine/engine.ts';
import { combineSafeFixes } from '../engine/combineFixes.ts';
import { anchorRange, intersects, toDiagnostic, toWorkspaceEdit, type DiagnosticAbilities } from './convert.ts';
import type { Workspace } from './workspace.ts';

export const FIX_ALL = 'source.fixAll.threadgauge';

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
  readonly workspace: Workspace;
  readonly abilities: ActionAbilities;
  /** Finished runs by launch key. */
  readonly results: ReadonlyMap<string, RunState>;
}

/** The actions for a range of a file. */
export function codeActions(params: CodeActionParams, uri: string, context: ActionContext): CodeAction[] {
  const { only } = params.context;
  const wanted = (kind: string): boolean => only === undefined || only.some((asked) => kind === asked || kind.startsWith(`${asked}.`) || asked === '');
  const actions: CodeAction[] = [];
  if (wanted(CodeActionKind.QuickFix)) actions.push(...quickFixes(params, uri, context), ...measuredActions(params, uri, context));
  // On save the kind is asked for by name; the light bulb would only be cluttered by it.
  if (only !== undefined && wanted(FIX_ALL)) actions.push(...fixAll(uri, context));
  return actions;
}

/** Fills in the edit of an action that was listed without one. */
export function resolveAction(action: CodeAction, context: ActionContext): CodeAction {
  const data = action.data as Partial<ActionData> | undefined;
  if (!data?.uri || action.edit) return action;
  const finding = context.engine.findings(data.uri).find(({ rule, message }) => rule === data.rule && message === data.message);
  const fix = finding?.fixes.find(({ title }) => title === data.title);
  if (!fix) return { ...action, disabled: { reason: 'The text has changed since; ask for actions again.' } };
  const edits = context.engine.materialise(fix);
  return 'refused' in edits ? { ...action, disabled: { reason: edits.refused } } : { ...action, edit: workspaceEdit(edits, context) };
}

function quickFixes(params: CodeActionParams, uri: string, context: ActionContext): CodeAction[] {
  const { engine, workspace, abilities } = context;
  const actions = new Map<string, CodeAction>();
  for (const finding of engine.findings(uri)) {
    if (finding.fixes.length === 0 || !intersects(anchorRange(finding.primary, engine), params.range)) continue;
    const diagnostic = toDiagnostic(finding, engine, abilities, (file) => workspace.clientUri(file));
    // The client's own object is returned where it has one, so that it can match them.
    const diagnostics: Diagnostic[] = params.context.diagnostics.filter((known) => known.code === finding.rule && known.message === finding.message);
    if (diagnostics.length === 0) diagnostics.push(diagnostic);
    for (const fix of finding.fixes) {
      const edits = engine.materialise(fix);
      if ('refused' in edits && !abilities.disabled) continue;
      const key = `${fix.title}\0${'refused' in edits ? '' : JSON.stringify([...edits])}`;
      const known = actions.get(key);
      if (known) {
        // One edit that settles several findings is one action.
        known.diagnostics = [...(known.diagnostics ?? []), ...diagnostics];
        continue;
      }
      const data: ActionData = { uri, rule: finding.rule, message: finding.message, title: fix.title };
      actions.set(key, {
        title: fix.title,
        kind: CodeActionKind.QuickFix,
        diagnostics,
        ...(fix.preferred && !('refused' in edits) ? { isPreferred: true } : {}),
        ...('refused' in edits ? { disabled: { reason: edits.refused } } : abilities.resolvesEdit ? { data } : { edit: workspaceEdit(edits, context) }),
      });
    }
  }
  return [...actions.values()];
}

function fixAll(uri: string, context: ActionContext): CodeAction[] {
  const { edits, applied } = combineSafeFixes(context.engine.findings(uri), (fix) => context.engine.materialise(fix));
  if (applied.length === 0) return [];
  return [{ title: `Fix all safe ThreadGauge findings (${applied.length})`, kind: FIX_ALL, edit: workspaceEdit(edits, context) }];
}

/** On a measured launch and on the setting it found wanting: the better value, and measuring again. */
function measuredActions(params: CodeActionParams, uri: string, context: ActionContext): CodeAction[] {
  const { engine, abilities, results } = context;
  const actions: CodeAction[] = [];
  for (const plan of engine.plans(uri)) {
    const { launch } = plan;
    const state = results.get(launch.key);
    const gain = state && measuredGain(state);
    if (!gain) continue;
    const deciding = decidingSetting(plan, engine.graph());
    const byScript = gain.best.pin_env === true || deciding?.fact.operation === 'default';
    const written = byScript ? scriptWrites(plan, engine.graph()).filter(({ fact }) => fact.name in gain.best.env) : [];
    const places: Anchor[] = [launch.anchor, ...(deciding ? [deciding.anchor] : []), ...written.map(({ uri: file, fact }) => ({ uri: file, span: fact.span }))];
    if (!places.some((place) => place.uri === uri && intersects(anchorRange(place, engine), params.range))) continue;
    const intents: FixIntent[] =
      gain.best.torch_num_threads != null && deciding?.fact.valueSpan
        ? [{ kind: 'replace', anchor: { uri: deciding.anchor.uri, span: deciding.fact.valueSpan }, text: String(gain.best.torch_num_threads) }]
        : Object.entries(gain.best.env).flatMap(([name, value]) => whereSet(name, value, launch, written));
    // A script that removes the variable has no value to replace.
    if (intents.length === 0) continue;
    const fix: FixProposal = { title: `Set ${gain.best.label}: ${gain.proof}`, safety: 'review', preferred: false, intents };
    const edits = engine.materialise(fix);
    if (!('refused' in edits)) actions.push({ title: fix.title, kind: CodeActionKind.QuickFix, edit: workspaceEdit(edits, context) });
    else if (abilities.disabled) actions.push({ title: fix.title, kind: CodeActionKind.QuickFix, disabled: { reason: edits.refused } });
    const title = `Verify ${gain.best.label}: measure it again against ${gain.old.label}`;
    const ref: LaunchRef = { uri: context.workspace.clientUri(launch.uri), launchId: launch.id };
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

function workspaceEdit(edits: ReadonlyMap<string, readonly TextEdit[]>, { engine, workspace, abilities }: ActionContext): CodeAction['edit'] {
  return toWorkspaceEdit(
    edits,
    engine,
    (uri) => workspace.clientUri(uri),
    (uri) => workspace.version(uri),
    abilities.documentChanges,
  );
}
