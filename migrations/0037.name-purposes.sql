-- The search reads what a question is for from its purpose, and no longer guesses it from its wording. Profile questions
-- from before there were purposes get the one that was guessed until now: the level, if the options begin with the names
-- of all levels; experience, if the question looks back; an interest otherwise.
-- Versions do not change, and these stay as they were read.
ALTER TABLE question_versions DISABLE TRIGGER question_versions_never_change;
UPDATE question_versions SET purpose = CASE
    WHEN body ->> 'input' = 'single' AND (
        SELECT count(DISTINCT lower(substring(option ->> 'text' FROM '\w+')))
        FROM jsonb_array_elements(body -> 'options') AS option
        WHERE lower(substring(option ->> 'text' FROM '\w+')) IN ('beginner', 'intermediate', 'advanced')
    ) = 3 THEN 'level'
    WHEN body ->> 'input' IN ('scale', 'number') THEN 'other'
    WHEN body ->> 'prompt' ~* '\m(have|had|did) you\M|\mhow (long|often|much experience)\M|\mso far\M'
        AND body ->> 'prompt' !~* '\m(would|want|wish|hope|plan|interest\w*|like to|learn|deep\w+)\M' THEN 'experience'
    ELSE 'interest'
END
WHERE body ->> 'type' = 'profile' AND purpose IS NULL;
ALTER TABLE question_versions ENABLE TRIGGER question_versions_never_change;
