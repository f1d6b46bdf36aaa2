"""Tests of provision/report."""
