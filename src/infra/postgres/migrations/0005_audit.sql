-- The journal of one hour's export: built -> stored -> committed -> published. A crash resumes from the recorded state with the same bytes.
create table export_windows (
  export_id bigint generated always as identity primary key,
  start_time timestamptz not null,
  end_time timestamptz not null,
  -- When the window was closed; earlier than end_time means an early (dev) export that a later one supersedes.
  closed_at timestamptz not null,
  state text not null check (state in ('built', 'committed', 'published')),
  reason text,
  report_sha256 text not null,
  block integer,
  created_at timestamptz not null,
  published_at timestamptz
);
create index export_windows_time on export_windows (start_time, export_id);

create table export_files (
  export_id bigint not null references export_windows on delete cascade,
  kind text not null check (kind in ('invocations', 'reports', 'jobs')),
  path text not null,
  sha256 text not null,
  size_bytes bigint not null,
  row_count integer not null,
  primary key (export_id, kind)
);
create index export_files_path on export_files (path);

create table audit_entries (
  entry_id text primary key,
  hotkey text not null,
  role text not null check (role in ('validator', 'miner')),
  block integer not null,
  path text not null unique,
  sha256 text not null,
  start_time timestamptz not null,
  end_time timestamptz not null,
  commitment text,
  created_at timestamptz not null
);
create index audit_entries_time on audit_entries (start_time);
create index audit_entries_sha256 on audit_entries (sha256);

create table weight_submissions (
  submission_id bigint generated always as identity primary key,
  netuid integer not null,
  as_of timestamptz not null,
  profile text not null,
  scores jsonb not null,
  weights jsonb not null,
  block integer,
  read_back_at timestamptz,
  error text,
  created_at timestamptz not null
);
