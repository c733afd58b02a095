"""A daemon on a real file, ended by force at any moment: what must hold behind."""
