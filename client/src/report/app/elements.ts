/** Builds DOM nodes; text is always text, never markup. */

type Attributes = Readonly<Record<string, string | (() => void) | undefined>>;

/** An element with attributes (functions are listeners) and children. */
export function element(tag: string, attributes: Attributes = {}, ...children: readonly (Node | string | null)[]): HTMLElement {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node.addEventListener(name, value);
    else if (value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** A table with a caption, column heads and row heads. Cells of `numeric` columns are set to the right. */
export function table(caption: string, heads: readonly string[], rows: readonly { readonly cells: readonly (string | Node)[]; readonly className?: string }[], numericFrom = 1): HTMLElement {
  const numeric = (index: number): Attributes => (index >= numericFrom ? { class: 'number' } : {});
  return element(
    'table',
    {},
    element('caption', {}, caption),
    element('thead', {}, element('tr', {}, ...heads.map((head, i) => element('th', { scope: 'col', ...numeric(i) }, head)))),
    element(
      'tbody',
      {},
      ...rows.map(({ cells, className }) =>
        element('tr', className ? { class: className } : {}, ...cells.map((cell, i) => (i === 0 ? element('th', { scope: 'row' }, cell) : element('td', numeric(i), cell)))),
      ),
    ),
  );
}
