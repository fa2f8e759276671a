create table job_leases (
  job text primary key,
  holder text not null,
  fence bigint not null,
  expires_at timestamptz not null
);

create table job_runs (
  run_id bigint generated always as identity primary key,
  job text not null,
  holder text not null,
  fence bigint not null,
  scheduled_for timestamptz not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  status text not null check (status in ('running', 'succeeded', 'failed', 'abandoned')),
  items integer not null default 0,
  error text,
  details jsonb not null default '{}'
);
create index job_runs_job on job_runs (job, run_id desc);

-- Events written in the transaction of the change they announce; the relay publishes and removes them, in order, at least once.
create table outbox (
  event_id bigint generated always as identity primary key,
  channel text not null,
  payload jsonb not null,
  created_at timestamptz not null
);

create function announce_outbox() returns trigger language plpgsql as $$
begin
  notify outbox;
  return null;
end $$;
create trigger outbox_announcer after insert on outbox for each statement execute function announce_outbox();

-- Last good bodies of slow public answers (scores, stats), with their time.
create table cache_snapshots (
  name text primary key,
  body jsonb not null,
  computed_at timestamptz not null
);
