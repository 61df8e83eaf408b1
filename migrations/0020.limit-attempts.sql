-- How often and how soon one student may start a track again, and when students read what they got right.

ALTER TABLE tracks
    -- NULL: no limit.
    ADD COLUMN attempts integer CHECK (attempts > 0),
    ADD COLUMN retake_after_hours double precision NOT NULL DEFAULT 0 CHECK (retake_after_hours >= 0),
    ADD COLUMN show_correct varchar(20) NOT NULL DEFAULT 'always',
    ADD COLUMN show_explanations boolean NOT NULL DEFAULT true,
    ADD CONSTRAINT tracks_show_correct_check CHECK (show_correct IN ('always', 'last_attempt', 'never'));

-- Which of the owner's attempts at the track it is; unknown for older rows, and for those that an earlier version adds.
ALTER TABLE assessments ADD COLUMN attempt integer CHECK (attempt > 0);
-- Of several starts that have counted the same former attempts, only one makes the next attempt.
CREATE UNIQUE INDEX assessments_attempt_key ON assessments (owner, track_id, attempt);
