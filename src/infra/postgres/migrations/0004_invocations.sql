create table partitioned_invocations (
  invocation_id text not null,
  parent_invocation_id text not null,
  chute_id text not null,
  chute_user_id text not null,
  function_name text not null,
  user_id text not null,
  image_id text not null,
  image_user_id text not null,
  instance_id text not null,
  miner_uid integer not null,
  miner_hotkey text not null,
  started_at timestamptz not null,
  completed_at timestamptz,
  error_message text,
  compute_multiplier double precision not null,
  bounty integer not null default 0,
  metrics jsonb,
  amount_micro_usd bigint not null default 0,
  primary key (invocation_id, started_at)
) partition by range (started_at);
create index invocations_parent on partitioned_invocations (parent_invocation_id);
create index invocations_started on partitioned_invocations (started_at, chute_id, error_message);
create index invocations_completed on partitioned_invocations (completed_at);
create index invocations_miner on partitioned_invocations (miner_hotkey, started_at);

create view invocations as select * from partitioned_invocations;

-- One partition per ISO week (Monday 00:00 UTC), named partitioned_invocations_<ISO year>_<ISO week>. Safe to call from many replicas.
create function ensure_invocation_partitions(first timestamptz, last timestamptz) returns void language plpgsql as $$
declare
  week timestamp := date_trunc('week', first at time zone 'utc');
  part text;
begin
  perform pg_advisory_xact_lock(hashtext('ensure_invocation_partitions'));
  while week <= last at time zone 'utc' loop
    part := 'partitioned_invocations_' || to_char(week, 'IYYY_IW');
    if to_regclass(part) is null then
      execute format('create table %I partition of partitioned_invocations for values from (%L) to (%L)',
                     part, week at time zone 'utc', (week + interval '7 days') at time zone 'utc');
    end if;
    week := week + interval '7 days';
  end loop;
end $$;

create table reports (
  invocation_id text primary key,
  user_id text not null,
  timestamp timestamptz not null,
  confirmed_at timestamptz,
  confirmed_by text,
  reason text not null
);
create index reports_time on reports (timestamp);

create table usage_data (
  user_id text not null,
  bucket timestamptz not null,
  chute_id text not null,
  amount_micro_usd bigint not null default 0,
  count integer not null default 0,
  input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  primary key (user_id, bucket, chute_id)
);
create index usage_data_bucket on usage_data (bucket);
