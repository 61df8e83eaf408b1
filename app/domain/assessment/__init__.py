"""Questions, answers, scoring by rule, and the progress of an assessment."""
