DROP INDEX assessments_track_idx;
