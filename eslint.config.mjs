import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { roomsRule } from './scripts/lib/eslint-rooms.mjs';

const root = import.meta.dirname;
const NODE_GLOBALS = ['process', 'console', 'require', 'module', 'exports', '__dirname', '__filename', 'Buffer', 'URL'];

export default defineConfig(
  { ignores: ['dist/**', 'node_modules/**', '.trueup/**', 'test/replay/histories/**', 'coverage/**'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked, tseslint.configs.strict],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: root } },
    plugins: { trueup: { rules: { rooms: roomsRule } } },
    rules: {
      'trueup/rooms': ['error', { root }],
      eqeqeq: ['error', 'smart'],
      'no-console': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      // `Map.get(…) as Row` states a type that the compiler cannot know; the rules above bar the unsafe ways.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['workflows/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            'ThrowStatement > NewExpression[callee.name=/^(Aggregate|Eval|Range|Reference|Syntax|Type|URI)?Error$/]',
          message: 'A plain error makes a workflow task retry for ever: throw an ApplicationFailure with a code.',
        },
      ],
      'no-restricted-globals': [
        'error',
        { name: 'process', message: 'A workflow knows no environment: pass what it needs as input.' },
        { name: 'Buffer', message: 'Not a part of the workflow sandbox.' },
        { name: 'fetch', message: 'A workflow does no I/O: use an activity.' },
      ],
    },
  },
  {
    files: ['engine/**/*.ts', 'ledger/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'process', message: 'Take it as an argument: this room reads no environment.' },
      ],
    },
  },
  {
    // What writes to a terminal, and tests, which may.
    files: ['client/**/*.ts', 'workers/**/*.ts', 'bench/**/*.ts', 'test/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/unbound-method': 'off' },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: { globals: Object.fromEntries(NODE_GLOBALS.map((name) => [name, 'readonly'])) },
  },
  {
    files: ['**/*.js'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: { SharedArrayBuffer: 'readonly', Atomics: 'readonly', setTimeout: 'readonly' },
    },
  },
);
