"""XSD's regular expressions: their syntax, texts that they match, and the same in the language of JSON Schema.

Contracts hold texts to patterns in the language of XSD. This package takes such patterns apart for the artefacts
that need more than the pattern itself; whether a text matches is for the reader and the XSD alone to say.
"""
