"""What must happen in Redis in one step."""

from __future__ import annotations

GCRA = """
local now, longest, which, dues = tonumber(ARGV[1]), 0, 0, {}
for i, key in ipairs(KEYS) do
  local tolerance, floor = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  local due = math.max(tonumber(redis.call('GET', key) or '0'), floor, now)
  local wait = due - tolerance - now
  if wait > longest then longest, which = wait, i end
  dues[i] = due
end
if longest == 0 then
  for i, key in ipairs(KEYS) do
    dues[i] = dues[i] + tonumber(ARGV[3 * i - 1])
    redis.call('SET', key, string.format('%.0f', dues[i]), 'PX', math.ceil((dues[i] - now) / 1000) + 60000)
  end
end
return {longest, which, unpack(dues)}
"""
"""Same arithmetic as ``gcra.Rule.next``, for several keys at once: one more under each, or under none. ARGV: now, then
per key interval, tolerance and the arrival time that the caller remembers. Microseconds since 1970 fit a Lua number
exactly. Answers wait, the number of the key that waits, and each key's arrival time."""

LOCK = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return 1 end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
"""
"""Also for whoever has it already, and has only not heard so."""

DROP_IF_MINE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

RENEW_IF_MINE = (
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
)

FORGET_IF_SAME = """
local held = redis.call('GET', KEYS[1])
if held and held ~= '0|' and string.sub(held, string.find(held, '|', 1, true) + 1) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], '0|', 'PX', ARGV[2])
return 1
"""
"""``0|`` is a token that has been dropped; a newer one is left alone."""
