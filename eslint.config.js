/** Rules for web/: mistakes, promises that nobody waits for, markup from text, and modules that act when imported. */

import js from '@eslint/js'
import globals from 'globals'
import tseslint from 'typescript-eslint'

const NO_MARKUP = ['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'setHTMLUnsafe', 'srcdoc'].map((name) => ({
  selector: `MemberExpression[property.name='${name}']`,
  message: 'Prompts are not to be trusted: text goes in as text, never as markup.',
}))
const NO_ACTING = {
  selector: 'Program > :matches(ExpressionStatement, ForStatement, ForOfStatement, WhileStatement, IfStatement)',
  message: 'The host imports every file under web/: a module only defines things.',
}

export default [
  { ignores: ['**/*.d.ts'] },
  js.configs.recommended,
  {
    files: ['web/**/*.js'],
    languageOptions: {
      ecmaVersion: 2022,
      sourceType: 'module',
      globals: globals.browser,
      parser: tseslint.parser,
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { types: tseslint.plugin },
    rules: {
      'types/no-floating-promises': ['error', { ignoreVoid: false }],
      'types/no-misused-promises': 'error',
      complexity: ['error', 14],
      eqeqeq: 'error',
      'max-lines': ['error', { max: 250, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', 60],
      'no-console': ['error', { allow: ['warn'] }],
      'no-empty': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-shadow': 'error',
      'no-unused-expressions': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'no-restricted-syntax': ['error', ...NO_MARKUP],
    },
  },
  {
    files: ['web/viewer/**/*.js'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: '^(/|\\.\\./)', message: 'The viewer knows nothing of its host.' }] }],
      'no-restricted-syntax': ['error', ...NO_MARKUP, NO_ACTING],
    },
  },
]
