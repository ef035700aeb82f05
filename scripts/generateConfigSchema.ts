/** Writes the JSON Schema of `.threadgauge.json` from the rules and the machine's fields. */
import { CONFIG_NAME } from '../server/src/engine/folderConfig.ts';
import type { UNKNOWN_MACHINE } from '../server/src/core/machine.ts';
import { MEASURED_KINDS } from '../server/src/core/measuredKinds.ts';
import { RULES } from '../server/src/rules/index.ts';

const LEVELS = ['off', 'error', 'warning', 'information', 'hint'];
export const SCHEMA_FILE = 'docs/threadgauge.schema.json';

/** The file of the schema, by path. */
export function generateConfigSchema(): ReadonlyMap<string, string> {
  const cpuLists = { type: ['array', 'null'], items: { type: 'array', items: { type: 'integer', minimum: 0 } } };
  const count = { type: ['integer', 'null'], minimum: 1 };
  const machineFields: Record<keyof typeof UNKNOWN_MACHINE, unknown> = {
    os: { enum: ['linux', 'darwin', 'win32', null] },
    arch: { type: ['string', 'null'], examples: ['x86_64', 'aarch64'] },
    sockets: count,
    physicalCores: count,
    logicalCores: count,
    numaNodes: count,
    cpuQuota: { type: ['number', 'null'], exclusiveMinimum: 0, description: 'CPUs, possibly fractional.' },
    affinity: { type: ['array', 'null'], items: { type: 'integer', minimum: 0 }, description: 'Logical CPU numbers the process may use.' },
    siblings: cpuLists,
    nodes: cpuLists,
    coreKinds: { type: ['array', 'null'], items: { type: 'object', properties: { name: { type: 'string' }, cpus: { type: 'array', items: { type: 'integer', minimum: 0 } } }, required: ['name', 'cpus'] } },
    model: { type: ['string', 'null'] },
  };
  const rules = { $ref: '#/definitions/rules' };
  const machine = { $ref: '#/definitions/machine' };
  const texts = { type: 'array', items: { type: 'string' } };
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: `ThreadGauge configuration (${CONFIG_NAME})`,
    description: 'Holds for its folder and everything below; the nearest file wins.',
    type: 'object',
    additionalProperties: false,
    properties: {
      $schema: { type: 'string' },
      root: { type: 'boolean', default: false, description: 'Configuration of folders above does not count here.' },
      preview: { type: 'boolean', description: 'Run rules in the preview stage too.' },
      exclude: { ...texts, description: 'Patterns as in .gitignore: nothing is reported in these files, and nothing in them is planned.' },
      rules,
      machine,
      overrides: {
        type: 'array',
        description: 'Later entries win.',
        items: {
          type: 'object',
          additionalProperties: false,
          properties: {
            files: { ...texts, description: 'Patterns as in .gitignore, relative to this folder.' },
            launches: { ...texts, description: 'Labels or ids of launches as `threadgauge plan` prints them; `*` stands for any text.' },
            rules,
            machine,
          },
        },
      },
    },
    definitions: {
      rules: {
        type: 'object',
        description: 'Levels of rules; rules that are not named keep their own.',
        additionalProperties: false,
        properties: Object.fromEntries([
          ...[...RULES].sort((a, b) => (a.id < b.id ? -1 : 1)).map((rule) => [rule.id, { enum: LEVELS, default: rule.severity, description: `${rule.summary} (${rule.family})` }] as const),
          ...[...MEASURED_KINDS].map(([kind, summary]) => [kind, { enum: LEVELS, default: 'information', description: `${summary} (found by a benchmark)` }] as const),
        ]),
      },
      machine: { type: ['object', 'null'], description: 'The machine the code is meant for: what `threadgauge machine --format json` prints there. Fields left out are not known.', additionalProperties: false, properties: machineFields },
    },
  };
  return new Map([[SCHEMA_FILE, `${JSON.stringify(schema, null, 2)}\n`]]);
}
