"""The Redis scripts of the queues: leaving messages in an order that is fair to all students, and taking them.

A queue is a sorted set of message ids, which is arq's format. A score is the time at which the message takes its turn,
in milliseconds: now for the first message of a student, and for each further one while the student's others still wait
a minute later than the one before. So the messages of one student never stand in front of all others, and none is
passed by messages for ever.

An id is `{job}:{fence}` or `{job}:{fence}:{owner}`, in which the owner is a digest of the student's name. Redis is only
a doorbell, and whoever can write to it must not be able to stop its readers. So what has the wrong type is deleted, and
what is too long is cut; the rows in PostgreSQL say which jobs are due.
"""

# Between the turns of two waiting messages of one student: more than a job usually takes, so that others come between
# them even where one job runs at a time.
_TURN_MS = 60_000
# How far into the future a turn may lie, whatever Redis contains.
_LAST_TURN_MS = 86_400_000
# Longer ids and messages are not ours.
_MAX_ID = 200
_MAX_MESSAGE = 1_000
# Messages read at once, and the most that one script passes over because their owners have enough running jobs.
_PAGE = 100
_MAX_PASSED_OVER = 1_000

# KEYS: the prefixes of messages and of turns. ARGV: now, the messages' time to live, the suffix of the channels that
# wake workers, and for each message its queue, id, owner (or nothing) and content.
NOTIFY = f"""
local now = tonumber(ARGV[1])
local queues = {{}}
for i = 4, #ARGV, 4 do
    local queue, id, owner, message = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    redis.call('SET', KEYS[1] .. id, message, 'PX', ARGV[2])
    local turn = now
    local last_key = KEYS[2] .. queue .. ':' .. owner
    if owner ~= '' then
        local last = redis.pcall('GET', last_key)
        last = type(last) == 'string' and tonumber(last)
        if last and last <= now + {_LAST_TURN_MS} then
            turn = math.max(now, math.min(last + {_TURN_MS}, now + {_LAST_TURN_MS}))
        end
    end
    local added = redis.pcall('ZADD', queue, 'NX', turn, id)
    if type(added) ~= 'number' then
        redis.call('DEL', queue)
        added = redis.call('ZADD', queue, 'NX', turn, id)
    end
    if owner ~= '' and added == 1 then
        redis.call('SET', last_key, string.format('%.0f', turn), 'PX', math.floor(turn - now) + {_TURN_MS})
    end
    queues[queue] = true
end
for queue in pairs(queues) do
    redis.call('PUBLISH', queue .. ARGV[3], '')
end
"""

# Does what queues, messages and notifications need, and leaves nothing behind. KEYS: a key with each prefix of ours.
# SET comes first, because Redis lets a script that has written something exceed the limit of memory.
CHECK = """
for _, key in ipairs(KEYS) do
    redis.call('SET', key, '', 'PX', 1000)
    redis.call('GETRANGE', key, 0, 0)
    redis.call('DEL', key)
    redis.call('ZADD', key, 'NX', 0, 'x')
    redis.call('ZRANGE', key, 0, 0)
    redis.call('ZREM', key, 'x')
    redis.call('PUBLISH', key, '')
end
"""

# KEYS: the queue, the prefix of messages, the prefix of the turns. ARGV: the worker's free slots, how many messages it
# takes at most, and for each owner who has jobs in the worker the name and their number. A message whose owner has at
# least as many running jobs as there are free slots stays for later, or for other workers. So one owner alone gets at
# most half of the slots, and a slot is left for the next one. Returns whether messages were passed over, and ids with
# contents.
#
# A message that is taken belongs to this worker alone. Whether its job is due is decided by its row, so the scores only
# order the messages, and no clock can hold one back.
TAKE = f"""
local free, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local running, taken, passed_over = {{}}, {{}}, 0
for i = 3, #ARGV, 2 do
    running[ARGV[i]] = tonumber(ARGV[i + 1])
end
local function take(id, owner, turn)
    redis.call('ZREM', KEYS[1], id)
    local message = redis.pcall('GETRANGE', KEYS[2] .. id, 0, {_MAX_MESSAGE})
    redis.call('DEL', KEYS[2] .. id)
    taken[#taken + 1] = {{string.sub(id, 1, {_MAX_ID}), type(message) == 'string' and message or ''}}
    free = free - 1
    if owner ~= '' then
        running[owner] = (running[owner] or 0) + 1
        local last_key = KEYS[3] .. KEYS[1] .. ':' .. owner
        local last = redis.pcall('GET', last_key)
        if type(last) ~= 'string' or tonumber(last) == tonumber(turn) then
            redis.call('DEL', last_key)
        end
    end
end
while #taken < limit and passed_over < {_MAX_PASSED_OVER} do
    local page = redis.pcall('ZRANGE', KEYS[1], passed_over, passed_over + {_PAGE} - 1, 'WITHSCORES')
    if page.err then
        redis.call('DEL', KEYS[1])
        break
    end
    for i = 1, #page, 2 do
        local owner = string.match(page[i], '^[^:]+:[^:]+:(.+)$') or ''
        if #owner > {_MAX_ID} then
            owner = ''
        end
        if owner == '' or (running[owner] or 0) < free then
            take(page[i], owner, page[i + 1])
        else
            passed_over = passed_over + 1
        end
        if #taken == limit then
            break
        end
    end
    if #page < 2 * {_PAGE} then
        break
    end
end
return {{passed_over, taken}}
"""
