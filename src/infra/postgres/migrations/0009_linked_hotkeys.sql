-- Hotkeys of validators and subnet owners that accounts are linked to; a hotkey belongs to one account.
create table linked_hotkeys (
  hotkey text primary key,
  user_id text not null references users on delete cascade,
  role text not null check (role in ('validator', 'subnet_owner')),
  linked_at timestamptz not null,
  unique (user_id, role)
);
