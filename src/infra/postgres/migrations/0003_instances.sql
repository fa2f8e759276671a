create table metagraph_nodes (
  netuid integer not null,
  hotkey text not null,
  coldkey text not null,
  checksum text not null,
  node_id integer not null,
  incentive double precision not null default 0,
  stake double precision not null default 0,
  tao_stake double precision not null default 0,
  alpha_stake double precision not null default 0,
  trust double precision not null default 0,
  vtrust double precision not null default 0,
  last_updated integer not null default 0,
  ip text not null default '0.0.0.0',
  ip_type integer not null default 4,
  port integer not null default 0,
  protocol integer not null default 4,
  real_host text,
  real_port integer,
  synced_at timestamptz not null,
  blacklist_reason text,
  primary key (netuid, hotkey)
);

create table nodes (
  uuid text primary key,
  miner_hotkey text not null,
  server_id text not null,
  server_name text,
  name text not null,
  memory bigint not null,
  major integer,
  minor integer,
  processors integer,
  sxm boolean,
  clock_rate double precision not null,
  max_threads_per_processor integer,
  concurrent_kernels boolean,
  ecc boolean,
  seed numeric(20) not null,
  gpu_identifier text not null,
  device_index integer not null check (device_index between 0 and 9),
  verification_host text not null,
  verification_port integer not null,
  verification_error text,
  created_at timestamptz not null,
  verified_at timestamptz
);
create index nodes_miner on nodes (miner_hotkey);

create table launch_configs (
  config_id text primary key,
  chute_id text not null references chutes on delete cascade,
  job_id text,
  env_key text not null,
  env_type text not null default 'graval',
  seed numeric(20) not null default 0,
  nonce text,
  host text,
  port integer,
  miner_uid integer not null,
  miner_hotkey text not null,
  miner_coldkey text not null,
  created_at timestamptz not null,
  retrieved_at timestamptz,
  verified_at timestamptz,
  failed_at timestamptz,
  verification_error text
);
create index launch_configs_chute on launch_configs (chute_id);

create table instances (
  instance_id text primary key,
  chute_id text not null references chutes on delete cascade,
  config_id text unique,
  version text not null,
  chutes_version text,
  miner_uid integer not null,
  miner_hotkey text not null,
  miner_coldkey text not null,
  region text not null default 'n/a',
  host text not null,
  port integer not null,
  port_mappings jsonb not null default '[]',
  active boolean not null default false,
  verified boolean not null default false,
  symmetric_key text,
  -- What the gateway needs to reach the instance: session key, TLS material, runtime commitment. Never leaves the platform.
  transport jsonb not null default '{}',
  compute_multiplier double precision not null default 1,
  hourly_rate double precision not null default 0,
  billed_to text,
  bounty boolean not null default false,
  stop_billing_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  verified_at timestamptz,
  last_verified_at timestamptz,
  activated_at timestamptz,
  verification_error text,
  unique (host, port)
);
create index instances_chute on instances (chute_id);
create index instances_miner on instances (miner_hotkey);
create index instances_billing on instances (stop_billing_at) where stop_billing_at is not null;

create table instance_nodes (
  node_id text primary key references nodes (uuid),
  instance_id text not null references instances on delete cascade
);
create index instance_nodes_instance on instance_nodes (instance_id);

-- One row per instance that ever existed; scoring and exports read it, triggers write it, so that no code path can forget it.
create table instance_audit (
  instance_id text primary key,
  chute_id text not null,
  version text not null,
  created_at timestamptz not null,
  verified_at timestamptz,
  activated_at timestamptz,
  deleted_at timestamptz,
  deletion_reason text,
  miner_uid integer not null,
  miner_hotkey text not null,
  region text not null,
  billed_to text,
  stop_billing_at timestamptz,
  compute_multiplier double precision,
  hourly_rate double precision,
  bounty boolean not null default false,
  valid_termination boolean
);
create index instance_audit_open on instance_audit (deleted_at);
create index instance_audit_chute on instance_audit (chute_id, created_at);

create table instance_compute_history (
  instance_id text not null,
  compute_multiplier double precision not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  primary key (instance_id, started_at)
);
create unique index instance_compute_history_open on instance_compute_history (instance_id) where ended_at is null;
create index instance_compute_history_ended on instance_compute_history (ended_at);

-- The clock of these triggers is the row's own updated_at (set by the statement), so that tests and replays may choose the time.
create function record_instance_audit() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into instance_audit (instance_id, chute_id, version, created_at, verified_at, activated_at, miner_uid, miner_hotkey, region,
                                billed_to, stop_billing_at, compute_multiplier, hourly_rate, bounty)
    values (new.instance_id, new.chute_id, new.version, new.created_at, new.verified_at, new.activated_at, new.miner_uid, new.miner_hotkey,
            new.region, new.billed_to, new.stop_billing_at, new.compute_multiplier, new.hourly_rate, new.bounty);
    return new;
  end if;
  if tg_op = 'UPDATE' then
    update instance_audit set version = new.version, verified_at = new.verified_at, activated_at = new.activated_at,
      billed_to = new.billed_to, stop_billing_at = new.stop_billing_at, compute_multiplier = new.compute_multiplier,
      hourly_rate = new.hourly_rate, bounty = new.bounty
    where instance_id = new.instance_id;
    if old.activated_at is null and new.activated_at is not null then
      insert into instance_compute_history (instance_id, compute_multiplier, started_at, ended_at)
      select new.instance_id, 0.3 * new.compute_multiplier, new.created_at, new.activated_at where new.activated_at > new.created_at
      union all
      select new.instance_id, new.compute_multiplier, new.activated_at, null;
    elsif new.activated_at is not null and new.compute_multiplier is distinct from old.compute_multiplier then
      update instance_compute_history set ended_at = new.updated_at where instance_id = new.instance_id and ended_at is null;
      insert into instance_compute_history (instance_id, compute_multiplier, started_at)
      values (new.instance_id, new.compute_multiplier, new.updated_at);
    end if;
    return new;
  end if;
  update instance_audit set deleted_at = coalesce(deleted_at, clock_timestamp()) where instance_id = old.instance_id;
  update instance_compute_history h set ended_at = a.deleted_at
  from instance_audit a where a.instance_id = old.instance_id and h.instance_id = old.instance_id and h.ended_at is null;
  return old;
end $$;
create trigger instance_audit_recorder after insert or update or delete on instances
  for each row execute function record_instance_audit();
