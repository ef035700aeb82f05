/** Tells programs from libraries, so that scripts nobody starts explicitly can still be planned as `python script.py`. */
import type { Fact, FileFacts } from '../core/fact.ts';
import type { Launch } from '../core/launchGraph.ts';
import { knobByEnv } from '../knobs/catalogue.ts';
import { librariesLoadedBy, librariesReachedThrough } from '../knobs/modules.ts';
import type { Span } from '../core/span.ts';
import { outlinedImports } from '../core/outlinedFile.ts';
import { baseName } from './fileIndex.ts';
import { perFile } from '../core/perFile.ts';

/** Decorators that register a function with a framework, which then calls it. */
const HANDLER = /(?:^|\.)(?:get|post|put|patch|delete|head|options|route|websocket|websocket_route|api_route|on_event|before_request|after_request|middleware|task|shared_task|call|endpoint|errorhandler|teardown_request|before_first_request|context_processor|handler|command|lifespan|asynccontextmanager|contextmanager)$/;

/** True for decorators under which a framework calls the function on its own. */
export function isHandlerDecorator(decorator: string): boolean {
  return HANDLER.test(decorator);
}

/**
 * True when a file looks like a program rather than a module, a test or a package script. Whether there is anything to plan is another question.
 * `root` is the folder that holds all files of the workspace: folders above it (`~/test/project`) say nothing about the file.
 */
export function looksLikeProgram(file: FileFacts, root: string): boolean {
  const name = baseName(file.uri);
  const path = file.uri.startsWith(`${root}/`) ? file.uri.slice(root.length) : file.uri;
  if (file.reader === 'script') return looksLikeNodeProgram(file, name, path);
  const notebook = file.reader === 'notebook';
  if (!name.endsWith('.py') && !notebook) return false;
  if (/^(?:setup|conftest|noxfile|tasks|fabfile|__init__|gunicorn\.conf|gunicorn_conf|gunicorn_config|wsgi|asgi)\.py$/.test(name)) return false;
  if (/^test_.*\.py$|_test\.py$/.test(name) || /\/tests?\//.test(path)) return false;
  if (notebook || file.facts.some((fact) => fact.scope.main)) return true;
  // A web application's module computes nothing of its own; a server imports it.
  if (file.facts.some((fact) => fact.kind === 'define' && fact.decorators.some(isHandlerDecorator))) return false;
  return doesSomething(file, () => true);
}

/** True when a file or what it imports has something to plan. */
export function hasSomethingToPlan(file: FileFacts, imports: readonly (FileFacts | undefined)[]): boolean {
  const all = [file, ...imports.flatMap((imported) => imported ?? [])];
  return all.some(holdsThreads) && (file.reader !== 'script' || all.some(({ facts }) => facts.some(needsNode)));
}

/** True for what only works in Node, so that the file is no page's code. */
function needsNode(fact: Fact): boolean {
  if (fact.kind === 'load') return /^(?:os|fs|fs\/promises|path|cluster|worker_threads|child_process|onnxruntime-node|@tensorflow\/tfjs-node|node-llama-cpp|sharp|piscina|tinypool)$/.test(fact.module);
  return fact.kind === 'setting' && fact.channel === 'env' && fact.scope.func === null;
}

/** True when there is something to plan: most scripts of a package.json that start Node build, lint or publish. */
export function concernsLaunch(launch: Pick<Launch, 'layers' | 'reachable'>, files: ReadonlyMap<string, FileFacts>): boolean {
  if (launch.layers.some((layer) => layer.settings.some(({ fact }) => knobByEnv(fact.name) !== undefined))) return true;
  return launch.reachable.some((uri) => {
    const file = files.get(uri);
    return file !== undefined && holdsThreads(file);
  });
}

/** Files of a build, of tests and of a page's own code are no programs that Node runs. */
function looksLikeNodeProgram(file: FileFacts, name: string, path: string): boolean {
  if (!/\.[cm]?[jt]s$/.test(name)) return false;
  // What imports nothing and sets no variable needs no Node.
  if (outlinedImports(file)?.length === 0) return false;
  if (/(?:^|\.)(?:config|test|spec|stories|worker|setup|d)\.[cm]?[jt]s$/.test(name) || /\/(?:tests?|__tests__|__mocks__|e2e|cypress|dist|build|out|public|static|vendor|coverage)\//.test(path)) return false;
  // What exports functions is there to be imported, unless it says that it may be started.
  if (file.facts.some((fact) => fact.scope.main)) return true;
  return doesSomething(file, ({ kind }) => kind !== 'setting' && kind !== 'launch');
}

function concernsThreads(fact: Fact): boolean {
  if (fact.kind === 'load') return librariesLoadedBy(fact.module).length > 0 || librariesReachedThrough(fact.module).length > 0;
  // What only a started program gets (`<started program>`) is no setting of this one.
  return (fact.kind === 'setting' && fact.scope.func?.startsWith('<') !== true) || fact.kind === 'compute' || fact.kind === 'fanOut';
}

const holdsThreads = perFile((file) => file.facts.some(concernsThreads));

/** True when running the file itself does one of the wanted things. A decorator or a default argument of what it defines is no such thing. */
function doesSomething({ facts }: FileFacts, wanted: (fact: Fact) => boolean): boolean {
  return facts.some((fact) => fact.scope.func === null && wanted(fact) && runsAtTopLevel(fact) && (fact.kind === 'setting' || !facts.some((other) => other.kind === 'define' && isWithin(fact.span, other.span))));
}

function isWithin(inner: Span, outer: Span): boolean {
  return inner.chunk === outer.chunk && inner.start >= outer.start && inner.end <= outer.end;
}

function runsAtTopLevel(fact: Fact): boolean {
  return fact.kind === 'compute' || fact.kind === 'invoke' || fact.kind === 'fanOut' || fact.kind === 'call' || fact.kind === 'setting';
}
