create table images (
  image_id text primary key,
  user_id text not null references users on delete cascade,
  name text not null,
  tag text not null,
  readme text not null default '',
  logo_id text,
  public boolean not null default false,
  status text not null,
  patch_version text,
  chutes_version text,
  created_at timestamptz not null,
  build_started_at timestamptz,
  build_completed_at timestamptz
);
create unique index images_owner_name on images (user_id, lower(name), lower(tag));

create table chutes (
  chute_id text primary key,
  user_id text not null references users on delete cascade,
  name text not null,
  tagline text not null default '',
  readme text not null default '',
  tool_description text,
  image_id text not null references images,
  logo_id text,
  public boolean not null,
  standard_template text check (standard_template in ('vllm', 'diffusion', 'tei', 'embedding')),
  -- json, not jsonb: the order of members inside developers' schemas is hashed and must survive.
  cords json not null default '[]',
  jobs jsonb,
  node_selector jsonb not null,
  slug text not null unique,
  code text not null,
  filename text not null,
  ref_str text not null,
  version text not null,
  concurrency integer,
  boost double precision,
  chutes_version text,
  revision text,
  openrouter boolean not null default false,
  discount double precision not null default 0,
  max_instances integer,
  scaling_threshold double precision,
  shutdown_after_seconds integer,
  allow_external_egress boolean not null default false,
  encrypted_fs boolean not null default false,
  tee boolean not null default false,
  lock_modules boolean,
  immutable boolean not null default false,
  disabled boolean not null default false,
  invocation_count integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index chutes_owner_name on chutes (user_id, lower(name));
create index chutes_by_name on chutes (lower(name));
create index chutes_listing on chutes (invocation_count desc, chute_id);

create table chute_history (
  entry_id uuid primary key default gen_random_uuid(),
  chute_id text not null,
  user_id text not null,
  name text not null,
  image_id text not null,
  public boolean not null,
  cords json not null,
  jobs jsonb,
  node_selector jsonb not null,
  code text not null,
  version text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz
);
create index chute_history_chute on chute_history (chute_id, updated_at desc);
create index chute_history_user on chute_history (user_id, updated_at);

create function record_chute_history() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    update chute_history set deleted_at = now()
    where entry_id = (select entry_id from chute_history where chute_id = old.chute_id order by updated_at desc limit 1);
    return old;
  end if;
  if tg_op = 'INSERT' or new.updated_at is distinct from old.updated_at then
    insert into chute_history (chute_id, user_id, name, image_id, public, cords, jobs, node_selector, code, version, created_at, updated_at)
    values (new.chute_id, new.user_id, new.name, new.image_id, new.public, new.cords, new.jobs, new.node_selector, new.code,
            new.version, new.created_at, new.updated_at);
  end if;
  return new;
end $$;
create trigger chute_history_recorder after insert or update or delete on chutes
  for each row execute function record_chute_history();

create table chute_shares (
  chute_id text not null references chutes on delete cascade,
  shared_by text not null references users on delete cascade,
  shared_to text not null references users on delete cascade,
  shared_at timestamptz not null,
  primary key (chute_id, shared_by, shared_to)
);
create index chute_shares_to on chute_shares (shared_to);

create table rolling_updates (
  chute_id text primary key references chutes on delete cascade,
  old_version text not null,
  new_version text not null,
  permitted jsonb not null default '{}',
  started_at timestamptz not null
);
