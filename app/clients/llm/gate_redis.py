"""The Redis scripts of the gate before a model: the provider's limits and a circuit breaker, shared by all workers.

What the provider says is left of requests and tokens holds until its limits are reset, and each call that enters takes
from it. A call in flight may not be in the provider's count yet. So a report never raises what is left above the
provider's number less all calls in flight, and only the report of the youngest call raises it: that of an older one may
be out of date.

Calls in flight are counted in two generations, each as long as a call may take, so that those of workers that died drop
out with the older generation. A call's serial number is at least the time when it entered: it shows the call's
generation, and is never used twice, even if Redis loses its data.

Times are in milliseconds of Redis' clock.
"""

from typing import NamedTuple

# Failures in a row, of all workers together, that open the breaker.
_FAILURES = 10
# How long no call then leaves: at first, and at most, since each probe that fails doubles it. Jitter takes off up to a
# half.
FIRST_PAUSE = 2_000
_LONGEST_PAUSE = 30_000

# The beginning of both scripts. KEYS: the hash. ARGV[1]: how long a call may take. What cannot be ours is ignored: no
# number is so large, and no time more than a day ahead.
_READ = """
local MOMENTS = {not_before = true, serial = true, probe = true, learned = true, began = true, began_before = true}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local life = tonumber(ARGV[1])
local stored = redis.pcall('HGETALL', KEYS[1])
if stored.err then
    redis.call('DEL', KEYS[1])
end
local state, changes = {}, {}
for i = 1, #stored, 2 do
    local name, value = stored[i], tonumber(stored[i + 1])
    local is_time = string.find(name, 'until') or MOMENTS[name]
    if value and math.abs(value) < 9e15 and not (is_time and value > now + 86400000) then
        state[name] = value
    end
end
local function get(name)
    return state[name] or 0
end
local function set(name, value)
    state[name] = value
    changes[#changes + 1] = name
    changes[#changes + 1] = value
end
local function turn_generation()
    local age = now - get('began')
    if age >= life then
        set('calls_before', age < 2 * life and get('calls') or 0)
        set('tokens_before', age < 2 * life and get('tokens') or 0)
        set('began_before', get('began'))
        set('calls', 0)
        set('tokens', 0)
        set('began', math.max(get('serial') + 1, now))
    end
end
local function write()
    redis.call('HSET', KEYS[1], unpack(changes))
    redis.call('PEXPIRE', KEYS[1], 7200000)
end
"""

# Lets a call in where limits and breaker allow it. ARGV[2]: tokens that the call needs; ARGV[3]: 1, or 0 to look
# without entering. Returns an `Admission`.
ENTER = f"""{_READ}
local tokens = tonumber(ARGV[2])
if get('pause') > 0 then
    local unavailable = get('open_until') - now
    if unavailable <= 0 then
        unavailable = math.min(get('probe_until') - now, {FIRST_PAUSE})
    end
    if unavailable > 0 then
        return {{0, 0, unavailable}}
    end
end
local held_until = get('not_before')
for name, need in pairs({{requests = 1, tokens = tokens}}) do
    if get(name .. '_left') < need then
        held_until = math.max(held_until, get(name .. '_until'))
    end
end
if held_until > now then
    return {{0, held_until - now, 0}}
end
if ARGV[3] == '0' then
    return {{0, 0, 0}}
end
turn_generation()
set('serial', math.max(get('serial') + 1, now))
set('calls', get('calls') + 1)
set('tokens', get('tokens') + tokens)
set('requests_left', get('requests_left') - 1)
set('tokens_left', get('tokens_left') - tokens)
if get('pause') > 0 then
    set('probe', get('serial'))
    set('probe_until', now + life)
end
write()
return {{get('serial'), 0, 0}}
"""

# Takes in how a call ended. ARGV[2..]: a `CallEnd`. Returns the new pause where the breaker opened, -1 where it closed,
# else 0.
LEAVE = f"""{_READ}
local serial, tokens, outcome = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local hold, chance = tonumber(ARGV[5]), tonumber(ARGV[6])
local event = 0
turn_generation()
local generation = serial >= get('began') and '' or serial >= get('began_before') and '_before'
if generation then
    set('calls' .. generation, math.max(get('calls' .. generation) - 1, 0))
    set('tokens' .. generation, math.max(get('tokens' .. generation) - tokens, 0))
end
local function learn(name, in_flight, remaining, reset)
    local left, sure = get(name .. '_left'), remaining - in_flight
    if reset <= 0 then
        return
    elseif now >= get(name .. '_until') then
        left = sure
    elseif serial < get('learned') then
        set(name .. '_left', math.min(left, remaining))
        return
    else
        left = math.min(math.max(left, sure), remaining)
    end
    set(name .. '_left', left)
    set(name .. '_until', now + reset)
    set('learned', math.max(get('learned'), serial))
end
learn('requests', get('calls') + get('calls_before'), tonumber(ARGV[7]), tonumber(ARGV[8]))
learn('tokens', get('tokens') + get('tokens_before'), tonumber(ARGV[9]), tonumber(ARGV[10]))
set('not_before', math.max(get('not_before'), now + hold))
local function open(pause)
    event = pause
    set('pause', pause)
    set('open_until', now + math.floor(pause * (0.5 + chance / 2)))
    set('probe_until', 0)
    set('failures', 0)
end
if get('pause') > 0 then
    if serial ~= get('probe') then
    elseif outcome == 'unavailable' then
        open(math.min(2 * get('pause'), {_LONGEST_PAUSE}))
    elseif outcome == 'unknown' then
        set('probe_until', 0)
    else
        event = -1
        set('pause', 0)
    end
elseif outcome == 'unavailable' then
    set('failures', get('failures') + 1)
    if get('failures') >= {_FAILURES} then
        open({FIRST_PAUSE})
    end
elseif outcome ~= 'unknown' then
    set('failures', 0)
end
write()
return event
"""


class Admission(NamedTuple):
    """The answer to a call that wants to enter: its serial number, or the milliseconds for which the limits hold it
    back, or those for which the provider is left alone."""

    serial: int
    hold_ms: int
    unavailable_ms: int


class CallEnd(NamedTuple):
    """How a call ended, in the order of the script's arguments: its serial number (-1 for a call that Redis did not let
    in), its tokens, the outcome, how long all calls are held back now, a number in [0, 1) for the jitter, and what the
    provider says is left for how long; a time of 0 where it does not say."""

    serial: int
    tokens: int
    outcome: str
    hold_ms: int
    jitter: float
    requests_left: int = 0
    requests_reset_ms: int = 0
    tokens_left: int = 0
    tokens_reset_ms: int = 0
