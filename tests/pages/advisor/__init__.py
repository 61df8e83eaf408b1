"""Tests of the pages of advisors, over HTTP."""
