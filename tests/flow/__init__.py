"""Tests of provision/flow."""
