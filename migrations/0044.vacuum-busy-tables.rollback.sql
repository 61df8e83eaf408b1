ALTER TABLE idempotency_keys RESET (autovacuum_vacuum_scale_factor);
ALTER TABLE assessments RESET (
    autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_analyze_scale_factor, vacuum_index_cleanup,
    fillfactor
);
ALTER TABLE webhook_deliveries RESET (
    autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_analyze_scale_factor, vacuum_index_cleanup
);
ALTER TABLE async_jobs RESET (
    autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_analyze_scale_factor, vacuum_index_cleanup
);
