"""XSD in detail: the parts that `xsd_writer`, `xsd_reader` and `compatibility` are made of.

They take and give the values of `outline`. Nothing outside `xmlable` imports from here.
"""
