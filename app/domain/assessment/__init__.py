"""Questions, answers and the scoring by rule."""
