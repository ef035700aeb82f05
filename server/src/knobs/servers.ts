/** Settings of the servers that start several Python processes. */
import { integer } from './grammars.ts';
import { knob } from './knob.ts';

export const SERVERS = [
  knob({
    id: 'gunicorn.workers',
    library: 'gunicorn',
    role: 'workers',
    env: ['WEB_CONCURRENCY'],
    value: integer({ minimum: 1, consequence: 'gunicorn starts no worker for 0 and raises for text or a negative number', examples: ['2', '4'] }),
    readAt: 'start',
    summary: 'Default number of worker processes of gunicorn and uvicorn. Each worker has its own intra-op pool.',
    defaultValue: '1.',
    precedence: '`-w`/`--workers` > `GUNICORN_CMD_ARGS` > `gunicorn.conf.py` > `WEB_CONCURRENCY`.',
    sources: ['https://docs.gunicorn.org/en/stable/settings.html#workers', 'https://www.uvicorn.org/settings/', 'measured: gunicorn 26.2, uvicorn 0.54'],
  }),
  knob({
    id: 'gunicorn.cmd-args',
    library: 'gunicorn',
    role: 'other',
    env: ['GUNICORN_CMD_ARGS'],
    value: { description: 'command-line arguments', parse: () => ({ ok: true, number: null }), examples: ['--workers=2'] },
    readAt: 'start',
    summary: 'Arguments added to gunicorn\'s command line.',
    defaultValue: 'Not set.',
    precedence: 'The command line wins; the configuration file loses.',
    sources: ['https://docs.gunicorn.org/en/stable/settings.html'],
  }),
] as const;
