/** The `threadgauge` command. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { FACTORS, type VaryChoice } from '../bench/variations.ts';
import { startServer } from '../lsp/startServer.ts';
import { bench, type BenchCommandOptions } from './bench.ts';
import { check, type CheckOptions } from './check.ts';
import { explain, listRules } from './explain.ts';
import { inspect, type InspectOptions } from './inspect.ts';
import { machine, plan } from './plan.ts';
import * as recordings from './recordings.ts';
import { UsageError } from './usageError.ts';

const VERSION = process.env['THREADGAUGE_VERSION'] ?? 'development';

/** Exit codes: 0 nothing at or above the fail level, 1 findings, 2 usage or internal error. */
async function main(argv: readonly string[]): Promise<number> {
  let code = 0;
  const program = new Command('threadgauge')
    .description('Finds, explains, measures and fixes CPU-thread misconfiguration in inference code.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`threadgauge: ${text.replace(/^error: /, '')}`) })
    .showSuggestionAfterError();
  const format = (choices: readonly string[]): Option => new Option('--format <format>', 'output format').choices(choices).default('text');
  const machineFile = (): Option => new Option('--machine <file>', 'target machine, as printed by `threadgauge machine --format json`');

  program
    .command('check')
    .description('findings for files or whole folders; honours .gitignore')
    .argument('[paths...]', 'files and folders; the working directory when absent')
    .addOption(format(['text', 'json', 'sarif', 'github']))
    .addOption(machineFile())
    .addOption(new Option('--fail-on <severity>', 'exit with 1 from this severity on').choices(['error', 'warning', 'information']).default('warning'))
    .option('--preview', 'run rules in the preview stage too', false)
    .option('--fix', 'apply safe fixes', false)
    .action(async (paths: string[], options: CheckOptions) => {
      code = await check(paths, options, VERSION);
    });
  program
    .command('plan')
    .description('the effective thread plan of every launch found')
    .argument('[paths...]', 'files and folders; the working directory when absent')
    .addOption(format(['text', 'json']))
    .addOption(machineFile())
    .action(async (paths: string[], options: { format: 'text' | 'json'; machine?: string }) => {
      code = await plan(paths, options);
    });
  program
    .command('bench')
    .description('measures a script, a launch (file#launch), a part of either or -- COMMAND with several thread counts')
    .argument('[target]', 'a Python script, file#launch, or a notebook with --region')
    .argument('[command...]', 'behind --: the command to measure')
    .addOption(new Option('--threads <counts>', 'thread counts to compare, such as 1,2,4; auto = chosen from the machine').argParser(parseThreads).default(null, 'auto'))
    .addOption(new Option('--instances <counts>', 'run several copies at once: 1,2,4, or auto = as many as fill the machine; latency against throughput').argParser(parseInstances))
    .addOption(new Option('--latency-limit <time>', 'with --instances: longest acceptable time of one piece of work, such as 50ms or 2s').argParser(parseDuration))
    .addOption(new Option('--vary <factors>', `further settings to try on top of the best count: ${FACTORS.join(', ')}; or auto, all, none`).argParser(parseFactors).default('auto'))
    .option('--exhaustive', 'every count (with --instances: every pair) in every block; none is left out early', false)
    .option('--dry-run', 'show what would be run and how long it may take, and end', false)
    .addOption(format(['text', 'json', 'github']))
    .option('--region <part>', 'measure only a part, repeated in every run: lines (12-20), a function (infer, Model.forward), mark:name, cell:3 of a notebook; of another file: FILE:PART')
    .option('--no-record', 'do not keep the run among the recordings')
    .option('--save <file>', 'keep the run in a file too, as a baseline or for --replay')
    .option('--html <file>', 'write a report with plots, complete in one file')
    .option('--compare <baseline>', 'measure only what is in force, and compare it with a recording or a file of --save')
    .addOption(new Option('--fail-above <percent>', 'with --compare: exit with 1 when it is slower by more than this, beyond noise').argParser(parsePercent))
    .addOption(new Option('--wait <seconds>', 'wait so long for another benchmark of this machine to end').argParser(parseSeconds))
    .option('--replay <file>', 'print the results of a run that was kept')
    .option('--python <path>', 'the Python to run scripts with')
    .option('--no-lines', 'do not time source lines')
    .addOption(new Option('--budget <seconds>', 'stop after this time with what was measured').argParser(parseSeconds))
    .addOption(new Option('--trial-timeout <seconds>', 'stop a single run after this time').argParser(parseSeconds))
    .option('--memory-limit <size>', 'end runs that use more memory, such as 4GiB')
    .addOption(machineFile())
    .addOption(new Option('--seed <number>', 'order of the runs, to repeat a benchmark').argParser(parseSeed))
    .addOption(new Option('--simulate <json>').hideHelp())
    .action(async (target: string | undefined, command: string[], options: BenchCommandOptions) => {
      // Commander hands the first word behind `--` to the first free argument.
      const separator = argv.indexOf('--');
      const behind = separator < 0 ? [] : argv.slice(separator + 1);
      if (separator < 0 && command.length > 0) throw new UsageError(`unexpected ${command.join(' ')}; a command to measure stands behind --`);
      const named = behind.length > 0 && target === behind[0] && command.length === behind.length - 1 ? undefined : target;
      if (named !== undefined && behind.length > 0) throw new UsageError('name a script or a command behind --, not both');
      code = await bench(named, behind, options, VERSION);
    });
  const kept = program.command('recordings').description('benchmarks that were kept: list, show, compare, export, remove');
  kept
    .command('list', { isDefault: true })
    .description('every recording, the newest first')
    .addOption(format(['text', 'json']))
    .action(async (options: { format: 'text' | 'json' }) => {
      code = await recordings.list(options.format);
    });
  kept
    .command('show')
    .description('the results of a recording')
    .argument('<recording>', 'its id or how that begins, `latest`, or a file')
    .addOption(format(['text', 'json']))
    .action(async (name: string, options: { format: 'text' | 'json' }) => {
      code = await recordings.show(name, options.format);
    });
  kept
    .command('compare')
    .description('two recordings side by side')
    .argument('<first>')
    .argument('<second>')
    .addOption(format(['text', 'json']))
    .action(async (first: string, second: string, options: { format: 'text' | 'json' }) => {
      code = await recordings.compare(first, second, options.format);
    });
  kept
    .command('export')
    .description('a recording as JSON, or as a report that is complete in one file')
    .argument('<recording>')
    .addOption(new Option('--format <format>', 'output format').choices(['json', 'html']).default('json'))
    .option('-o, --output <file>', 'standard output when absent')
    .action(async (name: string, options: { format: 'json' | 'html'; output?: string }) => {
      code = await recordings.exportRecording(name, options.format, options.output);
    });
  kept
    .command('remove')
    .description('deletes recordings')
    .argument('<recordings...>', 'their ids')
    .action(async (names: string[]) => {
      code = await recordings.remove(names);
    });
  program
    .command('machine')
    .description('what the runner sees: cores, SMT, sockets, NUMA, hybrid cores, affinity, quota')
    .addOption(format(['text', 'json']))
    .action(async (options: { format: 'text' | 'json' }) => {
      code = await machine(options);
    });
  program
    .command('inspect')
    .description('what a running process and its descendants do, beside their plan; only reads, attaches to nothing (Linux)')
    .argument('<pid>', 'id of the process', parsePid)
    .addOption(new Option('--seconds <seconds>', 'how long to look').argParser(parseSeconds).default(1))
    .option('--watch', 'look again and again until the process ends', false)
    .addOption(format(['text', 'json']))
    .action(async (pid: number, options: InspectOptions) => {
      code = await inspect(pid, options);
    });
  program
    .command('explain')
    .description("a rule's page")
    .argument('[rule]', 'id of the rule')
    .option('--list', 'every rule with one line', false)
    .action(async (rule: string | undefined, { list }: { list: boolean }) => {
      if (list) code = await listRules();
      else if (rule === undefined) throw new UsageError('name a rule, or use --list');
      else code = await explain(rule);
    });
  program
    .command('lsp')
    .description('the language server')
    .option('--stdio', 'over standard input and output (the only transport)', true)
    .action(async () => {
      code = -1;
      await startServer();
    });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`threadgauge: ${error instanceof UsageError ? error.message : `internal error: ${error instanceof Error ? error.message : String(error)}`}\n`);
    return 2;
  }
}

function parseThreads(text: string): readonly number[] | null {
  if (text === 'auto') return null;
  const counts = text.split(',').map((part) => (/^\s*[1-9]\d{0,3}\s*$/.test(part) ? Number(part) : Number.NaN));
  if (counts.some(Number.isNaN)) throw new InvalidArgumentError('Give whole numbers such as 1,2,4, or auto.');
  return counts;
}

function parseInstances(text: string): readonly number[] | 'auto' {
  return parseThreads(text) ?? 'auto';
}

function parseDuration(text: string): number {
  const [, digits, unit] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|)\s*$/.exec(text) ?? [];
  const seconds = Number(digits) / (unit === 'ms' ? 1000 : 1);
  if (!(seconds > 0)) throw new InvalidArgumentError('Give a time such as 50ms or 2s.');
  return seconds;
}

function parseFactors(text: string): VaryChoice {
  if (text === 'auto' || text === 'all' || text === 'none') return text;
  const names = text.split(',').map((part) => part.trim());
  const factors = FACTORS.filter((factor) => names.includes(factor));
  if (factors.length !== new Set(names).size) throw new InvalidArgumentError(`Give some of ${FACTORS.join(', ')}, or auto, all, none.`);
  return factors;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0) || !Number.isFinite(seconds)) throw new InvalidArgumentError('Give a number of seconds above 0.');
  return seconds;
}

function parsePercent(text: string): number {
  const percent = Number(/^\s*(\d+(?:\.\d+)?)\s*%?\s*$/.exec(text)?.[1] ?? Number.NaN);
  if (!(percent >= 0 && percent < 1000)) throw new InvalidArgumentError('Give a percentage such as 5%.');
  return percent / 100;
}

function parsePid(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Give the id of a process, such as 4711.');
  return Number(text);
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new InvalidArgumentError('Give a whole number.');
  return seed;
}

// `| head` closes the pipe; there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`threadgauge: the output could not be written: ${error.message}\n`);
  process.exit(2);
});
void main(process.argv.slice(2)).then((code) => {
  if (code >= 0) process.exit(code);
});
