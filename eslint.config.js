/** Lint rules: the recommended sets, and the import law of the layers with a message that says where the thing belongs. */
import { builtinModules } from 'node:module';
import tseslint from 'typescript-eslint';

const nodeModules = builtinModules.flatMap((name) => (name.startsWith('_') ? [] : [name, `node:${name}`]));
const PURE = ['core', 'knobs', 'readers', 'link', 'plan', 'rules', 'fixes', 'engine', 'bench', 'report'];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.tsbuild/', 'native/crates/', 'native/python/', 'native/schema/', 'native/target/', 'test-results/', '**/*.generated.ts', 'examples/', 'test/workspaces/'] },
  ...tseslint.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: 'module' },
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'off',
      'no-implicit-coercion': ['error', { boolean: false }],
      'object-shorthand': 'error',
      'prefer-const': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-restricted-syntax': ['error', { selector: "ImportDeclaration[source.value='child_process'], ImportDeclaration[source.value='fs']", message: 'Write node:… for built-in modules.' }],
    },
  },
  {
    files: PURE.map((layer) => `server/src/${layer}/**/*.ts`),
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: nodeModules.map((name) => ({ name, message: 'The analysis looks at nothing outside its arguments: disk, clock and processes belong to host/node.' })),
          patterns: [{ regex: '^vscode', message: 'Only the client knows VS Code, and only lsp/ knows the protocol.' }],
        },
      ],
      'no-restricted-globals': ['error', 'process', 'console', 'setTimeout', 'fetch'],
    },
  },
  {
    // Commands start from an argument vector; a shell would reinterpret what a workspace says.
    files: ['server/src/**/*.ts', 'client/src/**/*.ts'],
    rules: {
      'no-restricted-properties': ['error', { object: 'child_process', property: 'exec', message: 'Use spawn with an argument vector.' }],
    },
  },
);
