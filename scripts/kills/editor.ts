/** A minimal editor: starts the language server, benchmarks one launch and ends. It is there to be killed. */
// usage: node scripts/kills/editor.ts SERVER FOLDER STORAGE
import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { createMessageConnection, StreamMessageReader, StreamMessageWriter } from 'vscode-languageserver/node';
import { SERVER_COMMANDS } from '../../server/src/bench/messages.ts';

const [server = '', folder = '', storageDir = ''] = process.argv.slice(2);
const child = spawn(process.execPath, [server, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
const ended = new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
const connection = createMessageConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin));
connection.onRequest(() => null);
connection.onError(() => {});
connection.listen();
// A server that is killed answers nothing any more.
void ended.then(() => process.exit(3));
const workspaceFolders = [{ uri: pathToFileURL(folder).href, name: 'w' }];
const bench = { budgetSeconds: 4, lines: false };
await connection.sendRequest('initialize', { processId: process.pid, rootUri: null, capabilities: {}, workspaceFolders, initializationOptions: { storageDir, bench } });
void connection.sendNotification('initialized', {});
const launch = { uri: pathToFileURL(path.join(folder, '.vscode/launch.json')).href, launchId: 'work', threads: [1, 2] };
await connection.sendRequest('workspace/executeCommand', { command: SERVER_COMMANDS.bench, arguments: [launch] });
await connection.sendRequest('shutdown');
void connection.sendNotification('exit');
process.exit(await ended);
