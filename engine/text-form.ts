import type { TextForm, TextForms } from '../contracts/comparison';
import type { CommonType } from './common-type';

/** What has to be known of a type to tell in which form its values are texts. */
interface Typed {
  readonly baseType: string;
  readonly ownText?: boolean;
}

/** PostgreSQL's own types whose cast to text is not their output: `10.0.0.1/32`, `true`, a declared encoding. */
const CAST: Readonly<Record<string, TextForm>> = { inet: 'inet', boolean: 'boolean', xml: 'xml' };

/** The form in which values of a type are compared as texts with those of another type; undefined: their cast to text. */
export function comparedForm({ baseType, ownText }: Typed): TextForm | undefined {
  return Object.hasOwn(CAST, baseType) ? CAST[baseType] : ownText === true ? 'output' : undefined;
}

/** The form of a text from which the type reads the same value again; undefined: its cast to text. */
export function keptForm({ ownText }: Typed): TextForm | undefined {
  return ownText === true ? 'output' : undefined;
}

/** The forms in which the two columns of a pair are made texts to be compared; null: by their casts, or as no texts. */
export function textForms(source: Typed, target: Typed, common: CommonType): TextForms | null {
  if (common.castTo !== 'text') return null;
  const formOf = source.baseType === target.baseType ? keptForm : comparedForm;
  const forms = { source: formOf(source), target: formOf(target) };
  if (forms.source === undefined && forms.target === undefined) return null;
  return {
    ...(forms.source === undefined ? {} : { source: forms.source }),
    ...(forms.target === undefined ? {} : { target: forms.target }),
  };
}

/** SQL for a value in the type of a comparison; null: it has it already. */
export function comparedValue(value: string, castTo: string | null, form?: TextForm): string {
  if (castTo === null) return value;
  return castTo === 'text' ? textOf(value, form) : `${value}::${castTo}`;
}

/** SQL for a value as a text: by default its cast. */
export function textOf(value: string, form?: TextForm): string {
  switch (form) {
    case undefined:
      return `${value}::text`;
    case 'boolean':
      return `textin(boolout(${value}))`;
    case 'inet':
      return `textin(inet_out(${value}))`;
    case 'xml':
      return `textin(xml_out(${value}))`;
    case 'output':
      // A composite value of NULLs is no NULL.
      return `case when num_nulls(${value}) = 0 then concat(${value}) end`;
  }
}
