-- Assessments of a track by time: a list, and the figures of its questions, would otherwise pass over those of all
-- other tracks. The time is an expression, so that no other index has the order of these statements: the planner, which
-- does not know how rare a track is, would read the newest of all.
CREATE INDEX assessments_track_idx ON assessments (track_id, (created_at AT TIME ZONE 'UTC') DESC, id DESC);
