"""One profile for the property tests: no deadline, since the machine may be busy with other things."""

from hypothesis import HealthCheck, settings

settings.register_profile("xmlable", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("xmlable")
