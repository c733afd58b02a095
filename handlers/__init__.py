"""Sample listeners. Each imports `agentserver` and nothing further inside it; only those of UBL need each other."""
