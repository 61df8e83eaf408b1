-- The embedding space that workers embed credentials for. Without it, workers with different models, as in a rolling
-- deployment, would replace each other's vectors for ever, and pay for each.

CREATE TABLE embedding_space (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    -- The model, and how the text is put together, as in `passage_vectors.model`.
    name     text NOT NULL,
    -- When a worker last confirmed that it embeds for this space.
    seen_at  timestamptz NOT NULL DEFAULT now()
);

-- Embeddings by a paid model are calls of a model as well: those of a query belong to a run and no question, those of
-- credentials to no assessment. A call may cost less than a millionth of a dollar.
ALTER TABLE model_calls
    ALTER COLUMN cost_usd TYPE numeric(15, 9),
    ALTER COLUMN assessment_id DROP NOT NULL,
    ALTER COLUMN run DROP NOT NULL,
    ADD CONSTRAINT model_calls_place_check
        CHECK ((assessment_id IS NULL) = (run IS NULL) AND (question_id IS NULL OR assessment_id IS NOT NULL));
