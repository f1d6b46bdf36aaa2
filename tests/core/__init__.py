"""Tests of provision/core."""
