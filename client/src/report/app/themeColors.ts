/** The colours of the editor's theme, as plots need them. */

export function themeColors(place: HTMLElement): Record<'line' | 'band' | 'point' | 'text' | 'grid' | 'background' | 'font' | 'canvasFont', string> {
  const styles = getComputedStyle(place);
  const read = (name: string, otherwise: string): string => styles.getPropertyValue(name).trim() || otherwise;
  const family = styles.fontFamily || 'sans-serif';
  return {
    line: read('--report-line', 'steelblue'),
    band: read('--report-band', 'rgba(70, 130, 180, 0.2)'),
    point: read('--report-point', 'gray'),
    text: styles.color,
    grid: read('--report-grid', 'rgba(128, 128, 128, 0.3)'),
    background: read('--vscode-editor-background', 'white'),
    font: `12px ${family}`,
    canvasFont: `${12 * devicePixelRatio}px ${family}`,
  };
}
