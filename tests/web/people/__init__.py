"""People: what is stored of them, exports, erasures, and the audit log."""
