create table users (
  user_id text primary key,
  username text not null,
  hotkey text unique,
  coldkey text not null,
  payment_address text not null,
  wallet_secret text not null,
  fingerprint_hash text not null unique,
  permissions_bitmask integer not null default 0,
  balance_micro_usd bigint not null default 0,
  logo_id text,
  rate_limit_overrides jsonb,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index users_username_lower on users (lower(username));

create table api_keys (
  api_key_id text primary key,
  user_id text not null references users on delete cascade,
  key_hash text not null,
  admin boolean not null default false,
  name text not null,
  created_at timestamptz not null,
  last_used_at timestamptz,
  unique (user_id, name)
);

create table api_key_scopes (
  scope_id text primary key,
  api_key_id text not null references api_keys on delete cascade,
  object_type text not null check (object_type in ('images', 'chutes', 'invocations')),
  object_id text,
  action text check (action in ('read', 'write', 'delete', 'invoke'))
);
create index api_key_scopes_key on api_key_scopes (api_key_id);

create table invocation_quotas (
  user_id text not null references users on delete cascade,
  chute_id text not null,
  is_default boolean not null default false,
  quota integer not null check (quota >= 0),
  payment_refresh_date timestamptz,
  updated_at timestamptz not null,
  primary key (user_id, chute_id)
);

-- Money moves in pairs: the entries of one transfer sum to zero, and a transfer is applied once per idempotency key.
create table ledger_transfers (
  transfer_id uuid primary key default gen_random_uuid(),
  idempotency_key text not null unique,
  reason text not null,
  created_at timestamptz not null
);

create table ledger_entries (
  transfer_id uuid not null references ledger_transfers,
  account text not null,
  amount_micro_usd bigint not null,
  primary key (transfer_id, account)
);
create index ledger_entries_account on ledger_entries (account);

create table account_audit (
  audit_id bigint generated always as identity primary key,
  user_id text not null,
  actor text not null,
  action text not null,
  details jsonb not null default '{}',
  client_address text,
  created_at timestamptz not null
);
create index account_audit_user on account_audit (user_id, created_at);
