"""Tests of the analytics."""
