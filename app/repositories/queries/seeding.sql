-- name: wait_for_turn
-- One starter seeds at a time, until its transaction ends; the next finds everything there. The number is anyone's.
SELECT pg_advisory_xact_lock(6181242103517482265);
