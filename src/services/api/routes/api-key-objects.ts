import { Type } from "typebox";
import type { ApiKeyRecord } from "../../../domain/accounts/api-key-repository.js";
import { naiveIso } from "../../../wire/timestamps.js";

const Text = Type.String();
const NullableText = Type.Union([Type.String(), Type.Null()]);

/** Wire form of `keyObject`. */
export const KeyObject = Type.Object({
  api_key_id: Text,
  user_id: Text,
  admin: Type.Boolean(),
  name: Text,
  created_at: Text,
  last_used_at: NullableText,
  scopes: Type.Array(
    Type.Object({
      scope_id: Text,
      object_type: Text,
      object_id: NullableText,
      method: Type.Null(),
      action: NullableText,
    }),
  ),
});

/** Wire form of `newKeyObject`. */
export const NewKeyObject = Type.Object({
  ...KeyObject.properties,
  secret_key: Type.String({ description: "the key itself; never shown again" }),
});

/** `method` was never filled by anybody, and clients still expect it. @see protocol 01 §4.4 */
export function keyObject(key: ApiKeyRecord) {
  return {
    api_key_id: key.apiKeyId,
    user_id: key.userId,
    admin: key.admin,
    name: key.name,
    created_at: naiveIso(key.createdAt),
    last_used_at: key.lastUsedAt && naiveIso(key.lastUsedAt),
    scopes: key.scopes.map(({ scopeId, objectType, objectId, action }) => ({
      scope_id: scopeId,
      object_type: objectType,
      object_id: objectId,
      method: null,
      action,
    })),
  };
}

/** A key in the one answer that shows it. */
export function newKeyObject(key: ApiKeyRecord, secretKey: string) {
  return { ...keyObject(key), secret_key: secretKey };
}
