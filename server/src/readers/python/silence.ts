/** Tells texts that can say nothing about threads, so that they are not parsed: no word of thread settings in them, and no import that leads anywhere. */
import { librariesLoadedBy, librariesReachedThrough, topModule } from '../../knobs/modules.ts';
import { FAN_OUTS } from './fanOutApis.ts';
import { ARGUMENT_SETTINGS, CALL_PREFIXES, CALLS, CONFIGURABLE, EXTERNAL, SETTERS } from './interest.ts';

/** Words of names that people give to numbers of threads, and everything by which a program sets variables, starts others, or says where it stops. */
const TOKEN = /threadgauge|thread|worker|cpu|job|parallel|concurren|omp_|mkl|nproc|int(?:er|ra)_?op|num_|core|proc|environ|getenv|putenv|unsetenv|system|fork|exec|spawn|popen|sched_|exit|__main__|__import__|import_module|preload_app|raw_env|wsgi|config_from_/i;

/** A number under the name of a constant: other modules may read it. */
const CONSTANT = /\b[A-Z][A-Z0-9_]*\b[^=\n(]*=[ \t]*[\d(\\]/;


/** Packages that the tables mention by name. `os` and `sys` matter for a few functions only, whose names are tokens. */
const MENTIONED: ReadonlySet<string> = new Set([...SETTERS, ...ARGUMENT_SETTINGS.keys(), ...CONFIGURABLE, ...FAN_OUTS.keys(), ...CALLS, ...CALL_PREFIXES].map(topModule).filter((name) => name !== 'os' && name !== 'sys'));

/** Packages of the standard library and of others whose import leads to no file of a workspace and starts nothing. */
const HARMLESS: ReadonlySet<string> = new Set([...EXTERNAL].filter((name) => !MENTIONED.has(name) && librariesLoadedBy(name).length === 0 && librariesReachedThrough(name).length === 0));

const IMPORTS = /^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import\b|import[ \t]+([^#\r\n]+))/gm;

/** True when nothing in the text can become a fact that matters. */
export function isSilent(text: string): boolean {
  if (TOKEN.test(text) || CONSTANT.test(text)) return false;
  let imports = 0;
  for (const [, from, list] of text.matchAll(IMPORTS)) {
    imports++;
    const modules = from === undefined ? (list ?? '').split(',').map((part) => part.trim().split(/[ \t]/, 1)[0] ?? '') : [from];
    if (!modules.every((module) => HARMLESS.has(topModule(module)))) return false;
  }
  // One that stands in the middle of a line was not looked at.
  return imports === [...text.matchAll(/\bimport\b/g)].length;
}
