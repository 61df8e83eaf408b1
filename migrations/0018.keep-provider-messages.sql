-- What a model's provider said when it refused a call, without secrets; unknown for older calls.
ALTER TABLE model_calls ADD COLUMN provider_message text;

-- How many calls there were, for metrics: counting them in model_calls would take ever longer. The rows of a model and
-- outcome are spread over shards, so that workers do not wait for each other.
CREATE TABLE model_call_counts (
    model   text NOT NULL,
    outcome varchar(40) NOT NULL,
    shard   smallint NOT NULL,
    calls   bigint NOT NULL,
    PRIMARY KEY (model, outcome, shard)
);
INSERT INTO model_call_counts SELECT model, outcome, 0, count(*) FROM model_calls GROUP BY model, outcome;
