const NAME_SHAPE = /^[\w$.\-\s\u0080-\uffff]{1,24}$/u;
const CONTROL = /\p{Control}/u;

/** Whether the text may name an API key: 1 to 24 characters, trimmed, no control characters, no `/`. @see protocol 01 §4.4 */
export function isApiKeyName(text: string): boolean {
  return NAME_SHAPE.test(text) && !CONTROL.test(text) && text.trim() === text;
}
