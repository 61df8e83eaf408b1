-- Refused while there are scores of questions of weight 0.
ALTER TABLE scores
    DROP CONSTRAINT scores_max_score_check,
    ADD CONSTRAINT scores_max_score_check CHECK (max_score > 0);
