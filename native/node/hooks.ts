/** The probe on the loader's own thread, for Node.js before 22.15: changes the sources of modules that are imported. */
import { fileURLToPath } from 'node:url';
import { readOrders, realPath, type Orders } from './orders.ts';
import { isWanted, transform } from './transform.ts';

let orders: Orders | null = null;

interface LoadResult {
  readonly format?: string | null;
  readonly source?: string | ArrayBuffer | NodeJS.TypedArray | null;
}

export function initialize(data: { readonly orders: string; readonly entry: string | null }): void {
  orders = readOrders(data.orders, data.entry);
}

export async function load(url: string, context: unknown, next: (url: string, context: unknown) => Promise<LoadResult>): Promise<LoadResult> {
  const result = await next(url, context);
  try {
    // CommonJS has no source here, unless another loader made it; it is changed where it is compiled.
    if (orders === null || !url.startsWith('file:') || result.source === null || result.source === undefined) return result;
    if (result.format !== 'module' && result.format !== 'commonjs') return result;
    const file = realPath(fileURLToPath(url));
    if (!isWanted(file, orders)) return result;
    const text = typeof result.source === 'string' ? result.source : Buffer.from(result.source as Uint8Array).toString('utf8');
    const source = transform(text, file, result.format, orders);
    return source === null ? result : { ...result, source };
  } catch {
    return result;
  }
}
