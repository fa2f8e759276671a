-- Hours whose sums are out of date. Whoever writes a row leaves a mark in the same transaction; marks are only added and
-- removed, never changed, so writers do not wait for each other. The roll-up removes the marks it sees, then counts: rows of a
-- writer that commits in between are counted twice over, never missed.
create table stale_hours (
  mark_id bigint generated always as identity primary key,
  hour timestamptz not null
);
create index stale_hours_hour on stale_hours (hour);

create function mark_started_hours() returns trigger language plpgsql as $$
begin
  insert into stale_hours (hour) select distinct date_trunc('hour', started_at, 'UTC') from written;
  return null;
end $$;
create trigger invocations_marker after insert on partitioned_invocations
  referencing new table as written for each statement execute function mark_started_hours();

create function mark_usage_hours() returns trigger language plpgsql as $$
begin
  insert into stale_hours (hour) select distinct bucket from written;
  return null;
end $$;
create trigger usage_insert_marker after insert on usage_data
  referencing new table as written for each statement execute function mark_usage_hours();
create trigger usage_update_marker after update on usage_data
  referencing new table as written for each statement execute function mark_usage_hours();

-- Sums over the attempts that started in an hour (UTC). Speeds are kept as sum and count, so that hours add up to days.
create table invocation_hours (
  hour timestamptz not null,
  chute_id text not null,
  instance_id text not null,
  miner_hotkey text not null,
  requests bigint not null,
  successes bigint not null,
  errors bigint not null,
  rate_limits bigint not null,
  busy_seconds double precision not null,
  amount_micro_usd bigint not null,
  llm_requests bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cached_tokens bigint not null,
  tps_sum double precision not null,
  tps_count bigint not null,
  otps_sum double precision not null,
  otps_count bigint not null,
  ttft_sum double precision not null,
  ttft_count bigint not null,
  step_requests bigint not null,
  steps bigint not null,
  sps_sum double precision not null,
  sps_count bigint not null,
  primary key (hour, chute_id, instance_id)
);
create index invocation_hours_chute on invocation_hours (chute_id, hour);

create table invocation_days (
  day date not null,
  chute_id text not null,
  requests bigint not null,
  successes bigint not null,
  errors bigint not null,
  rate_limits bigint not null,
  busy_seconds double precision not null,
  amount_micro_usd bigint not null,
  llm_requests bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cached_tokens bigint not null,
  tps_sum double precision not null,
  tps_count bigint not null,
  otps_sum double precision not null,
  otps_count bigint not null,
  ttft_sum double precision not null,
  ttft_count bigint not null,
  step_requests bigint not null,
  steps bigint not null,
  sps_sum double precision not null,
  sps_count bigint not null,
  primary key (day, chute_id)
);
create index invocation_days_chute on invocation_days (chute_id, day);
create index invocation_days_steps on invocation_days (chute_id, day) where step_requests > 0;

-- Usage of all users together, by the hour (UTC) in which calls ended.
create table usage_hours (
  hour timestamptz not null,
  chute_id text not null,
  amount_micro_usd bigint not null,
  count bigint not null,
  primary key (hour, chute_id)
);

create table usage_days (
  day date not null,
  chute_id text not null,
  amount_micro_usd bigint not null,
  count bigint not null,
  primary key (day, chute_id)
);

-- Rows come in the order of their hours, so ranges of pages find an hour. An ordered index would tempt the planner to read
-- everybody's newest hours for one user's.
drop index usage_data_bucket;
create index usage_data_bucket on usage_data using brin (bucket) with (pages_per_range = 32, autosummarize = on);

-- What was stored before there were marks. One step of the index per hour that has rows.
insert into stale_hours (hour)
with recursive started (hour) as (
  select date_trunc('hour', min(started_at), 'UTC') from partitioned_invocations
  union all
  select (
    select date_trunc('hour', min(started_at), 'UTC') from partitioned_invocations
    where started_at >= started.hour + interval '1 hour'
  )
  from started where started.hour is not null
)
select hour from started where hour is not null
union
select bucket from usage_data;
