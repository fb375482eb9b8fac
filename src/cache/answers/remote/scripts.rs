//! What does Redis do in one step? Look or lease, keep and release, release, hold on: nobody else comes in between.

use redis::Script;

/// The scripts, each with its hash.
pub(super) struct Scripts {
    pub(super) look: Script,
    pub(super) fulfil: Script,
    pub(super) release: Script,
    pub(super) hold: Script,
}

/// Gives the value unless it is the one that was refused before, or empty; else takes the lease; else says who has it.
const LOOK: &str = r"
local value = redis.call('GET', KEYS[1])
if value and value ~= ARGV[3] then return {'value', value} end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return {'leased', ''} end
return {'held', redis.call('GET', KEYS[2])}";

/// Keeps the value, and gives the lease back if it is still ours.
const FULFIL: &str = r"
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end";

/// Gives the lease back if it is still ours.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end";

/// Makes the lease last from now on if it is still ours.
const HOLD: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end";

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            look: Script::new(LOOK),
            fulfil: Script::new(FULFIL),
            release: Script::new(RELEASE),
            hold: Script::new(HOLD),
        }
    }
}
