ALTER TABLE assessments DROP COLUMN attempt;
ALTER TABLE tracks
    DROP COLUMN attempts,
    DROP COLUMN retake_after_hours,
    DROP COLUMN show_correct,
    DROP COLUMN show_explanations;
