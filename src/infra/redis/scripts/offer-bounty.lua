-- Opens a bounty unless there is one, and says who of all that ask within a window is to tell miners of it.
-- KEYS: 1 bounty, 2 sorted set of open bounties, 3 cooldown, 4 mark of this window, 5 mark of a disabled chute.
-- ARGV: 1 the bounty's record, 2 its lifetime, 3 its time of creation in ms, 4 chute, 5 cooldown or 0, 6 lifetime of the
-- window's mark; lifetimes in seconds.
-- Returns { record, 1 for the one who tells, else 0 }, or nil when no bounty is to be had.
if redis.call("EXISTS", KEYS[5]) == 1 then
  return nil
end
local record = redis.call("GET", KEYS[1])
if not record then
  if redis.call("EXISTS", KEYS[3]) == 1 then
    return nil
  end
  record = ARGV[1]
  redis.call("SET", KEYS[1], record, "EX", ARGV[2])
  redis.call("ZADD", KEYS[2], ARGV[3], ARGV[4])
  if tonumber(ARGV[5]) > 0 then
    redis.call("SET", KEYS[3], "1", "EX", ARGV[5])
  end
end
local tells = 0
if redis.call("EXISTS", KEYS[4]) == 0 then
  redis.call("SET", KEYS[4], "1", "EX", ARGV[6])
  tells = 1
end
return { record, tells }
