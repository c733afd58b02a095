"""Regular expressions that an author gives with `Pattern`: one pattern, which Python and XSD match alike.

`scanner` takes Python's syntax apart into `nodes`, `automaton` tells what a matcher would go through, `writing` gives
the texts for both languages, and `proof` puts them to the test. `lengths` tells how long a matching text is. Takes and
gives texts; knows no types.
"""

from agentserver.xmlable.pattern.lengths import lengths
from agentserver.xmlable.pattern.proof import proven

__all__ = ["lengths", "proven"]
