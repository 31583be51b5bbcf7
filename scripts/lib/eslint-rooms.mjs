import { isBuiltin } from 'node:module';
import { dirname, relative, resolve, sep } from 'node:path';

/**
 * Who may enter which room, as ARCHITECTURE.md has it: `rooms` may be imported, `types` as types only, and of another room
 * the `files` alone. `packages`, where given, are the only npm packages allowed, and `noPackages` those that are not; `builtins: false` bars Node.js's own.
 */
export const ROOMS = {
  contracts: { rooms: [], packages: [], builtins: false },
  database: { rooms: ['contracts'], packages: ['pg'] },
  config: { rooms: ['contracts'], noPackages: ['@temporalio/*', 'pg'] },
  engine: { rooms: ['contracts', 'database'], noPackages: ['@temporalio/*', 'zod', 'yaml', 'pg'] },
  ledger: { rooms: ['contracts', 'database'], noPackages: ['@temporalio/*', 'zod', 'yaml', 'pg'] },
  activities: { rooms: ['contracts', 'database', 'config', 'engine', 'ledger'], noPackages: ['pg'] },
  workflows: {
    rooms: ['contracts'],
    types: ['activities'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
    builtins: false,
  },
  workers: { rooms: ['contracts', 'database', 'config', 'engine', 'ledger', 'activities', 'workflows'] },
  client: { rooms: ['contracts', 'database', 'config', 'ledger'], files: ['engine/script'] },
  bench: {
    rooms: [
      ...['contracts', 'database', 'config', 'engine', 'ledger'],
      ...['activities', 'workflows', 'workers', 'client'],
    ],
  },
};

/** An ESLint rule: an import that the table does not allow is an error, however it is written. */
export const roomsRule = {
  meta: {
    type: 'problem',
    schema: [{ type: 'object', properties: { root: { type: 'string' } }, additionalProperties: false }],
    messages: {
      room: '{{from}}/ may not import {{to}}/: it may import {{allowed}}.',
      type: '{{from}}/ may import {{to}}/ as types only: write `import type`.',
      package: '{{from}}/ may not import the package {{to}}.',
      builtin: '{{from}}/ may not import {{to}}, which is a part of Node.js.',
      test: 'Nothing outside test/ may import test/.',
    },
  },
  create(context) {
    const root = context.options[0]?.root ?? context.cwd;
    const from = roomOf(context.filename, root);
    if (from === 'test') return {};
    const check = (node, source, isTypeOnly) => {
      const problem = problemOf(from, source, isTypeOnly, context.filename, root);
      if (problem) context.report({ node, messageId: problem.id, data: { from, ...problem } });
    };
    const literal = (node) => (typeof node?.value === 'string' ? node.value : undefined);
    const declaration = (node, kind, specifiers) => {
      const source = literal(node.source);
      if (source === undefined) return;
      const isTypeOnly = kind === 'type' || (specifiers.length > 0 && specifiers.every(isTypeSpecifier));
      check(node, source, isTypeOnly);
    };
    return {
      ImportDeclaration: (node) => declaration(node, node.importKind, node.specifiers),
      ExportNamedDeclaration: (node) => declaration(node, node.exportKind, node.specifiers),
      ExportAllDeclaration: (node) => declaration(node, node.exportKind, []),
      ImportExpression: (node) => literal(node.source) !== undefined && check(node, node.source.value, false),
      TSImportType: (node) => {
        const source = literal(node.source) ?? literal(node.argument?.literal);
        if (source !== undefined) check(node, source, true);
      },
      'CallExpression[callee.name="require"]': (node) => {
        const source = literal(node.arguments[0]);
        if (source !== undefined) check(node, source, false);
      },
    };
  },
};

function isTypeSpecifier(specifier) {
  return specifier.importKind === 'type' || specifier.exportKind === 'type';
}

function roomOf(path, root) {
  return relative(root, path).split(sep)[0];
}

function fileOf(path, root) {
  return relative(root, path).split(sep).join('/');
}

function problemOf(from, source, isTypeOnly, filename, root) {
  const rules = ROOMS[from];
  if (source.startsWith('.') || source.startsWith('/')) {
    const to = roomOf(resolve(dirname(filename), source), root);
    if (to === 'test') return { id: 'test', to };
    if (!rules || to === from || rules.rooms.includes(to)) return undefined;
    if (rules.files?.includes(fileOf(resolve(dirname(filename), source), root))) return undefined;
    if (rules.types?.includes(to)) return isTypeOnly ? undefined : { id: 'type', to };
    return { id: 'room', to, allowed: rules.rooms.join(', ') || 'nothing of the project' };
  }
  if (!rules) return undefined;
  if (isBuiltin(source)) return rules.builtins === false ? { id: 'builtin', to: source } : undefined;
  const name = packageOf(source);
  const isAllowed = rules.packages === undefined || rules.packages.includes(name);
  const isBarred = rules.noPackages?.some((barred) =>
    barred.endsWith('/*') ? name.startsWith(barred.slice(0, -1)) : name === barred,
  );
  return isAllowed && !isBarred ? undefined : { id: 'package', to: name };
}

function packageOf(source) {
  return source
    .split('/')
    .slice(0, source.startsWith('@') ? 2 : 1)
    .join('/');
}
