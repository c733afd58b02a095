"""Sample listeners. Each file stands alone and imports `agentserver` and nothing else of it."""
