/** The page of the results panel: an empty frame that only our own script and style sheet may fill. */

/** `nonce` is fresh for every page. The URIs are those the webview can load. */
export function reportHtml(options: { readonly script: string; readonly style: string; readonly cspSource: string; readonly nonce: string }): string {
  const { script, style, cspSource, nonce } = options;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="UTF-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${cspSource}; script-src 'nonce-${nonce}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${style}">
<title>ThreadGauge report</title>
</head>
<body>
<main id="report" tabindex="-1"></main>
<script nonce="${nonce}" src="${script}"></script>
</body>
</html>`;
}
