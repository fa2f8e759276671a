-- Takes a bounty for one attempt to activate an instance. Asking again for the same attempt answers the same.
-- KEYS: 1 bounty, 2 sorted set of open bounties, 3 cooldown, 4 what this attempt got.
-- ARGV: 1 chute, 2 now in ms, 3 cooldown or 0, 4 lifetime of what the attempt got; lifetimes in seconds.
-- Returns the time of the claim, a line feed and the bounty's record; an empty text when there was no bounty.
local known = redis.call("GET", KEYS[4])
if known then
  return known
end
local record = redis.call("GET", KEYS[1])
local outcome = ""
redis.call("ZREM", KEYS[2], ARGV[1])
if record then
  redis.call("DEL", KEYS[1])
  outcome = ARGV[2] .. "\n" .. record
  if tonumber(ARGV[3]) > 0 then
    redis.call("SET", KEYS[3], "1", "EX", ARGV[3])
  end
end
redis.call("SET", KEYS[4], outcome, "EX", ARGV[4])
return outcome
