"""Tests of the command line, which speak through the real command where that matters: processes, pipes, signals."""
