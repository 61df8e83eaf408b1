-- Questions of weight 0 inform recommendations and earn no points.

ALTER TABLE scores
    DROP CONSTRAINT scores_max_score_check,
    ADD CONSTRAINT scores_max_score_check CHECK (max_score >= 0);
