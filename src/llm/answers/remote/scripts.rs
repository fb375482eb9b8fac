//! What does Redis do in one step? Look or lease, keep and release, release, hold on: nobody else comes in between. What
//! others may have made too long stays there.

use redis::Script;

/// The scripts, each with its hash.
pub(super) struct Scripts {
    pub(super) look: Script,
    pub(super) fulfil: Script,
    pub(super) release: Script,
    pub(super) hold: Script,
    pub(super) page: Script,
    pub(super) purges: Script,
}

/// Gives the value unless it is the one that was refused before, empty or too long; else takes the lease; else says who
/// has it. In any case the length of the value, or -1 where it is no string. Leases of engines end: one that does not is
/// none, and is taken.
const LOOK: &str = r"
local length = 0
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'string' then
  length = redis.call('STRLEN', KEYS[1])
elseif kind ~= 'none' then
  length = -1
end
if length > 0 and length <= tonumber(ARGV[4]) then
  local value = redis.call('GET', KEYS[1])
  if value ~= ARGV[3] then return {'value', value, length} end
end
local lease = redis.call('TYPE', KEYS[2]).ok
if lease == 'string' and redis.call('PTTL', KEYS[2]) >= 0 then
  return {'held', redis.call('GETRANGE', KEYS[2], 0, 63), length}
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return {lease == 'none' and 'leased' or 'taken', '', length}";

/// Keeps the value, and gives the lease back if it is still ours.
const FULFIL: &str = r"
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if redis.pcall('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end";

/// Gives the lease back if it is still ours.
const RELEASE: &str = r"
if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end";

/// Makes the lease last from now on if it is still ours.
const HOLD: &str = r"
if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end";

/// Gives the length of each value, -1 where there is none, and the value if it is not too long.
const PAGE: &str = r"
local found = {}
for _, key in ipairs(KEYS) do
  local length, value = -1, ''
  local kind = redis.call('TYPE', key).ok
  if kind == 'string' then
    length = redis.call('STRLEN', key)
    if length <= tonumber(ARGV[1]) then value = redis.call('GET', key) end
  elseif kind ~= 'none' then
    length = 0
  end
  table.insert(found, {length, value})
end
return found";

/// Gives the first elements of a list that are not too long.
const PURGES: &str = r"
local found = {}
if redis.call('TYPE', KEYS[1]).ok ~= 'list' then return found end
for _, text in ipairs(redis.call('LRANGE', KEYS[1], 0, ARGV[1])) do
  if #text <= tonumber(ARGV[2]) then table.insert(found, text) end
end
return found";

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            look: Script::new(LOOK),
            fulfil: Script::new(FULFIL),
            release: Script::new(RELEASE),
            hold: Script::new(HOLD),
            page: Script::new(PAGE),
            purges: Script::new(PURGES),
        }
    }
}
