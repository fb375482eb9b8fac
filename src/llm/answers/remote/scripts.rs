//! Lua scripts: atomic steps in Redis. Values that are too long are not transferred.

use redis::Script;

/// The scripts with their hashes.
pub(super) struct Scripts {
    pub(super) look: Script,
    pub(super) fulfil: Script,
    pub(super) release: Script,
    pub(super) hold: Script,
    pub(super) page: Script,
    pub(super) purges: Script,
}

/// Returns the value, unless it was refused before, is empty or too long; else takes the lease; else returns its holder.
/// Always returns the length of the value, or -1 if it is not a string. Leases of engines expire: a lease without an expiry
/// is invalid and is taken.
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

/// Stores the value, and releases the lease if it is still ours.
const FULFIL: &str = r"
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if redis.pcall('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end";

/// Releases the lease if it is still ours.
const RELEASE: &str = r"
if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end";

/// Extends the lease if it is still ours.
const HOLD: &str = r"
if redis.pcall('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end";

/// Returns the length of each value, or -1 if there is none, and the value if it is not too long.
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

/// Returns the first elements of a list that are not too long.
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
