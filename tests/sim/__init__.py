"""Tests of the simulated rack."""
