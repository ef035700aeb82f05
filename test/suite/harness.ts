/** The suite's line to the harness outside the editor (`scripts/testEditor.ts`): results go out, screenshots are asked for. */

const control = process.env['THREADGAUGE_SUITE_CONTROL'] ?? '';

/** Reports an event; see `SuiteEvent` in scripts/testEditor.ts. */
export async function report(event: { readonly type: string; readonly [field: string]: unknown }): Promise<void> {
  await post('/event', event);
}

/** Takes a picture of the window, `height` pixels high; does nothing where the editor has no page to take it of. */
export async function screenshot(name: string, height?: number): Promise<void> {
  await post('/screenshot', { name, ...(height === undefined ? {} : { height }) });
}

/** The visible text of the window; null where the editor has no page. */
export async function windowText(): Promise<string | null> {
  const reply = (await post('/text', {})) as { text?: string };
  return reply.text ?? null;
}

/** The texts of the window's frames (webviews); null where the editor has no page. */
export async function frameTexts(): Promise<readonly string[] | null> {
  const reply = (await post('/frameText', {})) as { texts?: string[] };
  return reply.texts ?? null;
}

/** Types into whatever has the focus in the window. */
export async function type(text: string): Promise<void> {
  await post('/type', { text });
}

/** Presses a key in the window. */
export async function press(key: string): Promise<void> {
  await post('/press', { key });
}

/** Clicks what has a text: a row of the list that asks something, or a button of a webview; false where the editor has no page. */
export async function click(what: 'choice' | 'button', text: string): Promise<boolean> {
  return ((await post('/click', { what, text })) as { clicked?: boolean }).clicked ?? false;
}

async function post(path: string, body: object): Promise<unknown> {
  const response = await fetch(control + path, { method: 'POST', body: JSON.stringify(body) });
  const reply: unknown = await response.json();
  if (!response.ok) throw new Error(`The harness answered ${path} with ${response.status}: ${JSON.stringify(reply)}`);
  return reply;
}
