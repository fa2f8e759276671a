create table logos (
  logo_id text primary key,
  user_id text not null references users on delete cascade,
  path text not null,
  created_at timestamptz not null
);
create index logos_user on logos (user_id);
alter table users add constraint users_logo foreign key (logo_id) references logos on delete set null;
alter table images add constraint images_logo foreign key (logo_id) references logos on delete set null;
alter table chutes add constraint chutes_logo foreign key (logo_id) references logos on delete set null;

-- Values are encrypted twice, like wallets. `purpose` is the chute that gets the secret in its environment.
create table secrets (
  secret_id text primary key,
  user_id text not null references users on delete cascade,
  purpose text not null references chutes on delete cascade,
  key text not null,
  value text not null,
  created_at timestamptz not null,
  unique (purpose, key)
);
create index secrets_user on secrets (user_id, created_at desc);

-- A developer's deposit goes to a wallet of its own; null where deposits are not asked for.
alter table users add column developer_payment_address text;
alter table users add column developer_wallet_secret text;

-- Hotkeys that may register while registration is by list.
create table registration_allowlist (
  hotkey text primary key,
  added_by text not null,
  added_at timestamptz not null
);

create table job_quotas (
  user_id text not null references users on delete cascade,
  chute_id text not null,
  is_default boolean not null default false,
  quota integer not null check (quota >= 0),
  payment_refresh_date timestamptz,
  updated_at timestamptz not null,
  primary key (user_id, chute_id)
);

create table invocation_discounts (
  user_id text not null references users on delete cascade,
  chute_id text not null,
  discount double precision not null check (discount > 0 and discount < 1),
  updated_at timestamptz not null,
  primary key (user_id, chute_id)
);

-- user_id '*' is everybody. Null parts fall back to the computed price.
create table price_overrides (
  user_id text not null,
  chute_id text not null,
  per_request double precision check (per_request >= 0),
  per_million_in double precision check (per_million_in >= 0),
  per_million_out double precision check (per_million_out >= 0),
  per_step double precision check (per_step >= 0),
  updated_at timestamptz not null,
  primary key (user_id, chute_id)
);

-- What administrators did to balances; the money itself is in the ledger.
create table admin_balance_changes (
  event_id uuid primary key,
  user_id text not null,
  amount_micro_usd bigint not null,
  reason text not null,
  created_by text not null,
  created_at timestamptz not null
);
create index admin_balance_changes_user on admin_balance_changes (user_id, created_at);

create table chute_manual_boosts (
  chute_id text primary key references chutes on delete cascade,
  boost double precision not null,
  updated_at timestamptz not null
);

-- A rolling update is a stored job: who of the old instances is told when. Its steps survive a restart.
alter table rolling_updates add column reason text not null default 'new version';
alter table rolling_updates add column image text;
alter table rolling_updates add column pause_seconds integer not null default 300 check (pause_seconds between 0 and 3600);
create table rolling_update_steps (
  chute_id text not null references rolling_updates on delete cascade,
  position integer not null,
  instance_id text not null,
  miner_hotkey text not null,
  announced_at timestamptz,
  primary key (chute_id, position)
);

-- Prices of TAO as they were learned; the newest one within an hour is believed.
create table tao_prices (
  observed_at timestamptz primary key,
  source text not null,
  usd double precision not null check (usd > 0)
);

-- Deleting an image asks which chutes run on it.
create index chutes_image on chutes (image_id);
