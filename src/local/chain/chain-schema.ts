/** Tables of the local chain, in a schema of their own beside the platform's. Each statement may run again. */
export const CHAIN_SCHEMA: readonly string[] = [
  "create schema if not exists local_chain",
  `create table if not exists local_chain.chain (
    only_row boolean primary key default true check (only_row),
    genesis_hash text not null,
    genesis_at timestamptz not null,
    block_time_ms integer not null check (block_time_ms > 0),
    height integer not null default 0
  )`,
  `create table if not exists local_chain.subnets (
    netuid integer primary key check (netuid between 0 and 65535),
    commit_reveal boolean not null,
    rate_limit_blocks integer not null check (rate_limit_blocks >= 0),
    version_key numeric(20) not null,
    min_allowed integer not null,
    max_limit integer not null check (max_limit between 0 and 65535),
    stake_threshold_rao numeric(20) not null
  )`,
  `create table if not exists local_chain.neurons (
    netuid integer not null references local_chain.subnets,
    uid integer not null check (uid between 0 and 65535),
    hotkey text not null,
    coldkey text not null,
    tao_stake_rao numeric(20) not null default 0,
    alpha_stake_rao numeric(20) not null default 0,
    validator_permit boolean not null default false,
    incentive integer not null default 0 check (incentive between 0 and 65535),
    consensus integer not null default 0 check (consensus between 0 and 65535),
    last_update_block integer not null default 0,
    ip text not null default '0.0.0.0',
    ip_type integer not null default 4,
    port integer not null default 0,
    protocol integer not null default 4,
    primary key (netuid, uid),
    unique (netuid, hotkey)
  )`,
  `create table if not exists local_chain.weights (
    netuid integer not null,
    uid integer not null,
    dests integer[] not null,
    weights integer[] not null,
    primary key (netuid, uid),
    foreign key (netuid, uid) references local_chain.neurons
  )`,
  `create table if not exists local_chain.commitments (
    netuid integer not null,
    hotkey text not null,
    block integer not null,
    sha256 text not null,
    calls integer not null default 1,
    primary key (netuid, hotkey, block)
  )`,
  "create table if not exists local_chain.nonces (hotkey text primary key, nonce numeric(20) not null)",
  `create table if not exists local_chain.balances (
    address text primary key,
    free_rao numeric(20) not null check (free_rao >= 0)
  )`,
];
