/** Numbers of a benchmark as people read them. */

/** A duration with three significant digits: `1.24 s`, `640 ms`, `2.3 min`. */
export function durationText(nanoseconds: number): string {
  if (nanoseconds >= 120e9) return `${(nanoseconds / 60e9).toFixed(1)} min`;
  if (nanoseconds >= 0.9995e9) return `${threeDigits(nanoseconds / 1e9)} s`;
  if (nanoseconds >= 0.9995e6) return `${threeDigits(nanoseconds / 1e6)} ms`;
  if (nanoseconds >= 999.5) return `${threeDigits(nanoseconds / 1e3)} us`;
  return `${Math.round(nanoseconds)} ns`;
}

/** `1.9x`; more digits near 1, where they matter. */
export function ratioText(ratio: number): string {
  return `${ratio >= 9.95 ? ratio.toFixed(0) : ratio < 1.2 && ratio > 0.8 ? ratio.toFixed(2) : ratio.toFixed(1)}x`;
}

/** `1.8-2.0`. */
export function intervalText([low, high]: readonly [number, number]): string {
  const digits = high - low < 0.2 ? 2 : 1;
  return `${low.toFixed(digits)}-${high.toFixed(digits)}`;
}

/** `2,000`. */
export function countText(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `3 %`, `0.4 %`. */
export function percentText(fraction: number): string {
  const percent = fraction * 100;
  return `${Math.abs(percent) < 9.95 ? percent.toFixed(1) : percent.toFixed(0)} %`;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12, KI: 2 ** 10, MI: 2 ** 20, GI: 2 ** 30, TI: 2 ** 40 };

/** `4GiB`, `512M`, `1073741824` in bytes; null when it is no size above 0. */
export function bytesOf(text: string): number | null {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?)B?\s*$/.exec(text.toUpperCase());
  const unit = UNITS[match?.[2] ?? '-'];
  const bytes = unit === undefined ? Number.NaN : Math.round(Number(match?.[1]) * unit);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : null;
}

/** `4.0 GiB`, `200 MiB`. */
export function bytesText(bytes: number): string {
  return bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
}

function threeDigits(value: number): string {
  return value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}
