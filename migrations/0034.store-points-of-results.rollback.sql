DROP TRIGGER results_points ON results;
DROP FUNCTION copy_result_points();
ALTER TABLE results
    DROP COLUMN overall_score, DROP COLUMN overall_max_score, DROP COLUMN overall_percentage,
    DROP COLUMN theoretical_score, DROP COLUMN theoretical_max_score, DROP COLUMN theoretical_percentage,
    DROP COLUMN profile_score, DROP COLUMN profile_max_score, DROP COLUMN profile_percentage,
    DROP COLUMN essay_score, DROP COLUMN essay_max_score, DROP COLUMN essay_percentage,
    DROP COLUMN provisional;
