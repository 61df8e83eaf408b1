-- Whose vectors the catalogue is to have. Workers with another embedding model, as in a rolling deployment, would
-- otherwise replace each other's vectors for ever, and pay for each.

CREATE TABLE embedding_space (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    -- The model, and how the text was put together: what stands with the vectors that are made now.
    name     text NOT NULL,
    -- When somebody last said that they make such vectors.
    seen_at  timestamptz NOT NULL DEFAULT now()
);

-- An embedding is paid for like any call of a model. That of a query belongs to a run and to no question, that of the
-- catalogue to nobody. It costs less than a millionth of a dollar.
ALTER TABLE model_calls
    ALTER COLUMN cost_usd TYPE numeric(15, 9),
    ALTER COLUMN assessment_id DROP NOT NULL,
    ALTER COLUMN run DROP NOT NULL,
    ADD CONSTRAINT model_calls_place_check
        CHECK ((assessment_id IS NULL) = (run IS NULL) AND (question_id IS NULL OR assessment_id IS NOT NULL));
